/**
 * The life of one session: greeting, commands one after the other, good-bye. A fault in one command is answered with -ERR
 * and logged; the session goes on. Never rejects. However it ends, the maildrop is let go.
 */
import type { Connection } from "postern/plugin";
import type { Command } from "./commands/command.ts";
import { commands } from "./commands/index.ts";
import { err, formatReply, mistake, ok, type Reply, storeReply } from "./reply.ts";
import { Pop3Session, type Services } from "./session.ts";

/** RFC 2449 4: a command line has at most 255 octets with its CRLF, which the reader does not count. */
const LINE_BYTES = 253;
/** RFC 5034 4: AUTH with an initial response may be longer. */
const AUTH_LINE_BYTES = 12_288;
/** How long a logged-in client may be silent once the server shuts down. */
const DRAIN_IDLE_MS = 10_000;

export async function converse(connection: Connection, services: Services): Promise<void> {
  const session = new Pop3Session(connection, services);
  try {
    await run(session);
  } catch (fault) {
    // A client that leaves in the middle of an answer is no fault.
    if (!connection.closed.aborted) session.log.error({ fault }, "session broke off");
  }
  try {
    if (session.state.at === "transaction") await session.state.maildrop.release();
  } catch (fault) {
    session.log.warn({ fault }, "maildrop could not be let go in order");
  }
  connection.close();
}

async function run(session: Pop3Session): Promise<void> {
  const { connection, services } = session;
  connection.setIdleTimeout(services.options.loginTimeout, () => session.bye("Too slow to log in"));
  const drain = () => {
    // Who has logged in may end in order: QUIT is what deletes.
    if (session.state.at === "authorization") session.bye("Server is shutting down");
    else connection.setIdleTimeout(DRAIN_IDLE_MS, () => session.bye("Server is shutting down"));
  };
  connection.draining.addEventListener("abort", drain, { once: true });
  try {
    if (connection.draining.aborted) drain();
    else await session.send(formatReply(ok(`${services.facts.hostname} is ready`)));
    let mistakes = 0;
    while (!session.hasEnded && session.state.at !== "ended") {
      const line = await nextLine(session);
      if (line === null) return;
      const reply = typeof line === "string" ? await obey(session, line) : line;
      if (session.hasEnded) return;
      if (reply) await session.send(formatReply(reply));
      if (reply?.isMistake && ++mistakes >= services.options.maxMistakes) session.bye("Too many mistakes");
      if (session.loginFailures >= services.options.maxLoginFailures) session.bye("Too many failed logins");
    }
  } finally {
    connection.draining.removeEventListener("abort", drain);
  }
}

/** A line, the answer to one that is too long, or `null` at the end. */
async function nextLine(session: Pop3Session): Promise<string | Reply | null> {
  try {
    const isLoggedIn = session.state.at === "transaction";
    const line = await session.connection.reader.line(isLoggedIn ? LINE_BYTES : AUTH_LINE_BYTES);
    if (line === null) return null;
    const text = line.toString();
    return line.length > LINE_BYTES && !/^auth /i.test(text) ? mistake("Line is too long") : text;
  } catch (fault) {
    if (fault instanceof RangeError) return mistake("Line is too long");
    throw fault;
  }
}

async function obey(session: Pop3Session, line: string): Promise<Reply | null> {
  const space = line.indexOf(" ");
  const keyword = (space < 0 ? line : line.slice(0, space)).toUpperCase();
  const argument = space < 0 ? null : line.slice(space + 1);
  const command = commands.get(keyword);
  if (!command) return mistake("Unknown command");
  try {
    return await perform(session, command, argument);
  } catch (fault) {
    const reply = storeReply(fault);
    if (reply) return reply;
    if (session.connection.closed.aborted) throw fault;
    session.log.error({ fault, command: keyword }, "command failed");
    return err("Internal error, try again later", "SYS/TEMP");
  }
}

function perform(
  session: Pop3Session,
  command: Command,
  argument: string | null,
): Reply | null | Promise<Reply | null> {
  const { state } = session;
  switch (command.validIn) {
    case "any":
      return command.run(session, argument);
    case "authorization":
      return state.at === "authorization" ? command.run(session, argument) : mistake("Logged in already");
    case "transaction":
      return state.at === "transaction" ? command.run(session, argument, state.maildrop) : mistake("Log in first");
  }
}
