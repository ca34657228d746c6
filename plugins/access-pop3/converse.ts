/**
 * The life of one session: greeting, commands one after the other, good-bye. A fault in one command is answered with -ERR
 * and logged; the session goes on. Never rejects. However it ends, the maildrop is let go, and only QUIT has deleted anything.
 */
import type { Connection } from "postern/plugin";
import type { Answer, Command } from "./commands/command.ts";
import { commands } from "./commands/index.ts";
import { err, mistake, ok, type Reply, storeReply } from "./reply.ts";
import { Pop3Session, type Services } from "./session.ts";

/** RFC 2449 4: a command line has at most 255 octets with its CRLF, which the reader does not count. */
const LINE_BYTES = 253;
/** RFC 5034 4: AUTH with an initial response may be longer. */
const AUTH_LINE_BYTES = 12_288;
/** Nobody needs so many to log in. */
const COMMANDS_BEFORE_LOGIN = 100;
/** How long a logged-in client may be silent once the server shuts down. */
const DRAIN_IDLE_MS = 10_000;

export async function converse(connection: Connection, services: Services): Promise<void> {
  const session = new Pop3Session(connection, services);
  try {
    await run(session);
  } catch (fault) {
    if (!isLoss(connection, fault)) {
      session.ending ??= "fault";
      session.log.error({ err: fault }, "session broke off");
    }
  }
  session.endWaiting();
  await letGo(session);
  connection.close();
}

/** A client that leaves in the middle of an answer is no fault. */
const isLoss = ({ closed }: Connection, fault: unknown): boolean =>
  closed.aborted || (fault instanceof Error && "code" in fault && fault.code === "CONNECTION_LOST");

async function letGo(session: Pop3Session): Promise<void> {
  if (session.state.at !== "transaction") return;
  const { maildrop } = session.state;
  session.state = { at: "ended" };
  session.log.info(
    { ending: session.ending ?? "left", ...maildrop.doings, left: maildrop.last },
    "session ended, nothing deleted",
  );
  try {
    await maildrop.release();
  } catch (fault) {
    session.log.warn({ err: fault }, "maildrop could not be let go in order");
  }
}

async function run(session: Pop3Session): Promise<void> {
  const { connection, services } = session;
  session.awaitLogin();
  const drain = () => {
    // Who has logged in may end in order: QUIT is what deletes.
    if (session.state.at === "authorization") session.bye("shutdown", "shuttingDown", "SYS/TEMP");
    else connection.setIdleTimeout(DRAIN_IDLE_MS, () => session.bye("shutdown", "shuttingDown", "SYS/TEMP"));
  };
  connection.draining.addEventListener("abort", drain, { once: true });
  try {
    if (connection.draining.aborted) drain();
    else void session.reply(ok("ready", { host: services.facts.hostname }));
    await obeyAll(session);
  } finally {
    connection.draining.removeEventListener("abort", drain);
  }
}

/** Promises only where something has to be waited for: commands that came together are answered in one go. */
async function obeyAll(session: Pop3Session): Promise<void> {
  const { maxMistakes, maxLoginFailures } = session.services.options;
  let mistakes = 0;
  let commandsBeforeLogin = 0;
  while (session.ending === null) {
    const next = nextLine(session);
    const line = next instanceof Promise ? await next : next;
    if (line === null || session.ending !== null) return;
    const answer = typeof line === "string" ? obey(session, line) : line;
    const reply = answer instanceof Promise ? await answer : answer;
    // Whatever ended the session meanwhile has said so.
    if (session.ending !== null) return;
    const wait = reply && session.reply(reply);
    if (wait) await wait;
    if (session.state.at === "ended") return;
    if (reply?.isMistake && ++mistakes >= maxMistakes) session.bye("mistakes", "tooManyMistakes");
    if (session.loginFailures >= maxLoginFailures) session.bye("failures", "tooManyFailures", "AUTH");
    if (session.state.at === "authorization" && ++commandsBeforeLogin >= COMMANDS_BEFORE_LOGIN)
      session.bye("mistakes", "tooManyCommands");
  }
}

/** A line (latin1), the answer to one that is too long, or `null` at the end. */
type Incoming = string | Reply | null;

function nextLine(session: Pop3Session): Incoming | Promise<Incoming> {
  const isLoggedIn = session.state.at === "transaction";
  try {
    const line = session.connection.reader.line(isLoggedIn ? LINE_BYTES : AUTH_LINE_BYTES);
    return line instanceof Promise ? line.then(take, tooLong) : take(line);
  } catch (fault) {
    return tooLong(fault);
  }
}

function take(line: Buffer | null): Incoming {
  if (line === null) return null;
  const text = line.toString("latin1");
  return text.length > LINE_BYTES && !/^auth /i.test(text) ? mistake("lineTooLong") : text;
}

function tooLong(fault: unknown): Reply {
  if (fault instanceof RangeError) return mistake("lineTooLong");
  throw fault;
}

function obey(session: Pop3Session, line: string): Answer {
  const space = line.indexOf(" ");
  const keyword = (space < 0 ? line : line.slice(0, space)).toUpperCase();
  const argument = space < 0 ? null : line.slice(space + 1);
  const command = commands.get(keyword);
  if (!command) return mistake("unknownCommand");
  try {
    const answer = perform(session, command, argument);
    return answer instanceof Promise ? answer.catch((fault: unknown) => failure(session, keyword, fault)) : answer;
  } catch (fault) {
    return failure(session, keyword, fault);
  }
}

function perform(session: Pop3Session, command: Command, argument: string | null): Answer {
  const { state } = session;
  switch (command.validIn) {
    case "any":
      return command.run(session, argument);
    case "authorization":
      return state.at === "authorization" ? command.run(session, argument) : mistake("loggedInAlready");
    case "transaction":
      return state.at === "transaction" ? command.run(session, argument, state.maildrop) : mistake("logInFirst");
  }
}

function failure(session: Pop3Session, command: string, fault: unknown): Reply {
  if (isLoss(session.connection, fault)) throw fault;
  const reply = storeReply(fault);
  if (reply) {
    session.log.debug({ command, err: fault }, "refused by the store");
    return reply;
  }
  session.log.error({ err: fault, command }, "command failed");
  return err("internalError", "SYS/TEMP");
}
