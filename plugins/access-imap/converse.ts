/**
 * The life of one session: greeting, commands one after the other, good-bye. A fault in one command is answered with NO
 * and logged; the session goes on. Never rejects.
 */
import type { Connection } from "postern/plugin";
import type { AnyCommand, Invocation } from "./commands/command.ts";
import { commands } from "./commands/index.ts";
import { tellNews } from "./news.ts";
import { changesNames } from "./notify/name-hints.ts";
import { bad, formatReply, no, type Reply, storeReply } from "./reply.ts";
import { ImapSession, type Services } from "./session.ts";
import { CommandReader, type Incoming, type WantsStream } from "./wire/command-reader.ts";
import { SyntaxFault } from "./wire/syntax-fault.ts";
import { Writer } from "./wire/writer.ts";

/** Before the login there is nothing long to say; mechanisms have their own bound. */
const linesBeforeLogin = {
  maxLineBytes: 8192,
  maxCommandBytes: 16_384,
  maxUnaskedBytes: Number.POSITIVE_INFINITY,
  maxSkippedBytes: 65_536,
};

type CommandLine = Extract<Incoming, { at: "command" }>;

export async function converse(connection: Connection, services: Services): Promise<void> {
  const out = new Writer(connection, { sendTimeoutMs: services.options.sendTimeout });
  const wants: WantsStream = (name, parser) =>
    session.state.at !== "notAuthenticated" && commands.get(name)?.wantsStream?.(parser) === true;
  const reader: CommandReader = new CommandReader(connection, out, linesBeforeLogin, wants);
  const session: ImapSession = new ImapSession(connection, services, { reader, out });
  try {
    await new Conversation(session).run();
  } catch (fault) {
    // A client that leaves in the middle of an answer is no fault.
    if (!connection.closed.aborted) session.log.error({ err: fault }, "session broke off");
  }
  try {
    session.hasSaidBye = true; // nothing is told any more
    await session.pusher.settle();
    await session.notify?.close();
    await session.unselect();
  } catch (fault) {
    session.log.error({ err: fault }, "mailbox cannot be closed");
  }
  session.place?.release();
  connection.close();
}

class Conversation {
  readonly #session: ImapSession;
  readonly #startedAt: number;
  #mistakes = 0;

  constructor(session: ImapSession) {
    this.#session = session;
    this.#startedAt = session.services.clock.now();
  }

  async run(): Promise<void> {
    const session = this.#session;
    const { connection, out, services } = session;
    connection.setIdleTimeout(services.options.loginTimeout, () => session.bye("Too slow to log in"));
    const drain = () => {
      if (!session.isBusy) session.bye("Server is shutting down");
    };
    connection.draining.addEventListener("abort", drain, { once: true });
    try {
      out.line(`* OK [CAPABILITY ${session.capabilities}] ${services.facts.hostname} is ready`);
      for (;;) {
        if (connection.draining.aborted) session.bye("Server is shutting down");
        if (session.hasSaidBye) return;
        let incoming = session.reader.next();
        if (incoming instanceof Promise) {
          // Nothing more to do at once: what was gathered leaves.
          const wait = out.flush();
          if (wait) await wait;
          incoming = await incoming;
        }
        if (session.hasSaidBye || incoming.at === "ended") return;
        const pushing = session.pusher.settle();
        if (pushing) await pushing;
        session.isBusy = true;
        const step = this.#take(incoming);
        if (step) await step;
        session.isBusy = false;
        session.pusher.afterCommand();
        if (session.state.at === "loggedOut") {
          await out.flush();
          return;
        }
        const wait = out.flushIfFull();
        if (wait) await wait;
      }
    } finally {
      connection.draining.removeEventListener("abort", drain);
    }
  }

  #take(incoming: Exclude<Incoming, { at: "ended" }>): void | Promise<void> {
    const session = this.#session;
    if (incoming.at === "fault") {
      session.out.line(formatReply(incoming.tag ?? "*", bad(incoming.text)));
      if (incoming.isFatal) session.bye("Command is too large");
      this.#countMistake();
      return;
    }
    if (session.state.at === "notAuthenticated" && this.#isLate()) return session.bye("Too slow to log in");
    const command = commands.get(incoming.name);
    if (!command) return this.#refuse(incoming, bad("Unknown command"));
    const given = this.#given(command, incoming);
    if (!given) return this.#refuse(incoming, bad("Command is not valid in this state"));
    let args: unknown;
    try {
      args = command.parse(incoming.parser);
    } catch (fault) {
      if (!(fault instanceof SyntaxFault)) throw fault;
      return this.#refuse(incoming, bad(fault.message));
    }
    return this.#execute(command, incoming, { given, args });
  }

  #given(command: AnyCommand, { tag, literal }: CommandLine): Invocation | null {
    const session = this.#session;
    const { state } = session;
    const invocation: Invocation = { session, tag, literal };
    switch (command.validIn) {
      case "any":
        return invocation;
      case "notAuthenticated":
        return state.at === "notAuthenticated" ? invocation : null;
      case "authenticated":
        return state.at === "authenticated" || state.at === "selected"
          ? Object.assign(invocation, { mailboxes: state.mailboxes })
          : null;
      case "selected":
        return state.at === "selected"
          ? Object.assign(invocation, { mailboxes: state.mailboxes, selected: state.selected })
          : null;
    }
  }

  #execute(command: AnyCommand, incoming: CommandLine, { given, args }: { given: Invocation; args: unknown }) {
    let reply: Reply | null | Promise<Reply | null>;
    try {
      reply = command.run(given as never, args as never);
    } catch (fault) {
      reply = this.#failure(incoming, fault);
    }
    if (reply instanceof Promise) return this.#finishLater(command, incoming, reply);
    return this.#finish(command, incoming, reply);
  }

  async #finishLater(command: AnyCommand, incoming: CommandLine, pending: Promise<Reply | null>): Promise<void> {
    let reply: Reply | null;
    try {
      reply = await pending;
    } catch (fault) {
      reply = this.#failure(incoming, fault);
    }
    await this.#finish(command, incoming, reply);
  }

  /** News first, then the tagged response (RFC 3501 2.2.2). */
  #finish(command: AnyCommand, incoming: CommandLine, reply: Reply | null): void | Promise<void> {
    const session = this.#session;
    const { state } = session;
    if (reply === null || session.hasSaidBye) return;
    if (changesNames.has(incoming.name) && reply.condition === "OK") session.services.nameHints.publish();
    const news =
      state.at === "selected"
        ? tellNews(session, state.selected, {
            syncs: command.syncs === true,
            mayExpunge: command.mayExpunge !== false,
            isAsked: command.syncs === true,
          })
        : undefined;
    const end = () => {
      if (!session.hasSaidBye) session.out.line(formatReply(incoming.tag, withModseq(session, reply)));
      if (reply.condition === "BAD") this.#countMistake();
      if (session.loginFailures >= session.services.options.maxLoginFailures) session.bye("Too many failed logins");
    };
    return news ? news.then(end) : end();
  }

  #failure({ name }: CommandLine, fault: unknown): Reply {
    if (fault instanceof SyntaxFault) return bad(fault.message);
    const reply = storeReply(fault);
    if (reply) return reply;
    const { connection, log } = this.#session;
    if (connection.closed.aborted) throw fault;
    log.error({ err: fault, command: name }, "command failed");
    return no("Internal error, try again later", "UNAVAILABLE");
  }

  /** A command that is not carried out; a literal it announced is not wanted either. */
  async #refuse(incoming: CommandLine, reply: Reply): Promise<void> {
    const session = this.#session;
    const canGoOn = incoming.literal === null || (await session.reader.skipLiteral(incoming.literal));
    session.out.line(formatReply(incoming.tag, reply));
    this.#countMistake();
    if (!canGoOn) session.bye("Literal is too large");
  }

  #isLate(): boolean {
    const { clock, options } = this.#session.services;
    return clock.now() - this.#startedAt > options.loginTimeout;
  }

  #countMistake(): void {
    if (++this.#mistakes >= this.#session.services.options.maxMistakes) this.#session.bye("Too many mistakes");
  }
}

/** RFC 7162 3.2.7: HIGHESTMODSEQ stands in the tagged OK, or before a response that says something else. */
function withModseq({ state, out }: ImapSession, reply: Reply): Reply {
  const modseq = state.at === "selected" ? state.selected.takeModseqNews() : null;
  if (modseq === null) return reply;
  if (reply.condition === "OK" && reply.code === null) return { ...reply, code: `HIGHESTMODSEQ ${modseq}` };
  out.line(`* OK [HIGHESTMODSEQ ${modseq}] Highest`);
  return reply;
}
