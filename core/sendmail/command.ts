/**
 * The command that programs know as sendmail, mailq and newaliases. It needs no privileges, no running server and no config file: only what
 * the server has written down for it, and the maildrop. Little is loaded, because it is started for each message.
 */
import type { Readable, Writable } from "node:stream";
import { exitCodes } from "../kernel/exit-codes.ts";
import type { SendmailFacts } from "../maildrop/facts.ts";
import { deliver, verify } from "./deliver.ts";
import { findFacts } from "./find-facts.ts";
import { type FlushTarget, readOptions } from "./options.ts";
import { SendmailError } from "./sendmail-error.ts";

export type { FlushTarget } from "./options.ts";

/** What the running server can tell or do, by the command line's own ways. Answers an exit code. */
export interface QueueActions {
  list(facts: Pick<SendmailFacts, "dataDir" | "queue">): Promise<number>;
  flush(target: FlushTarget, dataDir: string): Promise<number>;
}

export interface Surroundings {
  readonly in: Readable;
  readonly out: Writable;
  readonly err: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly queue: QueueActions;
}

/** Names that the program answers to. */
export const sendmailNames: readonly string[] = ["sendmail", "mailq", "newaliases"];

/** `name`: which of them it was called by. The exit code (sysexits.h). */
export async function sendmail(name: string, args: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    return await act(name, args, surroundings);
  } catch (error) {
    const known = error instanceof SendmailError ? error : null;
    surroundings.err.write(`${name}: ${known ? known.message : `something went wrong: ${String(error)}`}\n`);
    if (surroundings.env.POSTERN_DEBUG && error instanceof Error) surroundings.err.write(`${error.stack}\n`);
    // An unknown fault is no reason to give a message up.
    return known?.exitCode ?? exitCodes.tempFail;
  }
}

async function act(
  name: string,
  args: readonly string[],
  { in: input, out, err, env, queue }: Surroundings,
): Promise<number> {
  const options = readOptions(name, args);
  const { mode, factsFile, isVerbose } = options;
  switch (mode.at) {
    case "list":
      return queue.list(findFacts(factsFile, env));
    case "flush":
      return queue.flush(mode.target, findFacts(factsFile, env).dataDir);
    case "aliases":
      // Tables are read as text, and read again when they change.
      if (isVerbose) out.write("There is nothing to be made: alias files are read as they are.\n");
      return exitCodes.ok;
    case "smtp":
      return (await import("./smtp-session.ts")).smtpSession({ facts: findFacts(factsFile, env), input, out });
    case "verify": {
      const left = verify(options, findFacts(factsFile, env));
      if (isVerbose) err.write(`${name}: asked as ${left}; the answer comes by mail\n`);
      return exitCodes.ok;
    }
    case "deliver": {
      const left = await deliver(options, findFacts(factsFile, env), input);
      if (isVerbose) err.write(`${name}: left as ${left}\n`);
      return exitCodes.ok;
    }
  }
}
