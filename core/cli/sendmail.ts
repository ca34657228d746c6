/**
 * The program under the names that other programs know: sendmail, mailq and newaliases. It is started for each message, so nothing of the
 * command line's other parts is loaded before it is asked for.
 */
import { basename } from "node:path";
import { sendmail, sendmailNames } from "../sendmail/command.ts";
import type { Terminal } from "./terminal.ts";

/** By which of those names the program was called, and with which arguments: `sendmail -t`, or `postern sendmail -t`. `null`: by none. */
export function sendmailCall(
  script: string,
  args: readonly string[],
): { readonly name: string; readonly args: readonly string[] } | null {
  const [first = "", ...rest] = args;
  const own = basename(script);
  if (sendmailNames.includes(own)) return { name: own, args };
  return sendmailNames.includes(first) ? { name: first, args: rest } : null;
}

/** The exit code, of sysexits.h. */
export const runSendmail = (name: string, args: readonly string[], terminal: Terminal): Promise<number> =>
  sendmail(name, args, {
    ...{ in: terminal.in, out: terminal.out, err: terminal.err, env: process.env },
    queue: {
      list: async (facts) => (await import("./mailq.ts")).listQueue(facts, terminal),
      flush: async (target, dataDir) => (await import("./mailq.ts")).flushQueue(target, dataDir, terminal),
    },
  });
