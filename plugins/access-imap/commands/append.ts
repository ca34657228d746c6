/**
 * APPEND (RFC 3501 6.3.11), with APPENDUID (RFC 4315 3). A message of common size is gathered in memory, a larger one
 * streams into the store; either way it is all there, or nothing is.
 */
import { Readable } from "node:stream";
import type { Flag, NewMessage } from "postern/plugin";
import { canonicalName } from "../mailbox-name.ts";
import { bad, isStoreError, no, ok, type Reply, storeReply } from "../reply.ts";
import type { ImapSession, WithMailboxes } from "../session.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import type { AnnouncedLiteral } from "../wire/command-reader.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { defineCommand, type Invocation } from "./command.ts";

const inMemoryBytes = 262_144;
const maxFlags = 128;

interface Arguments {
  readonly name: string;
  readonly flags: readonly Flag[];
  readonly internalDate: number | null;
}

function parse(parser: CommandParser): Arguments {
  parser.space();
  const name = canonicalName(parser.mailbox());
  parser.space();
  let flags: Flag[] = [];
  if (parser.peek() === "(") {
    flags = parser.list(() => parser.flag()).filter((flag) => flag !== "\\Recent");
    if (flags.length > maxFlags) throw new SyntaxFault("Too many flags");
    parser.space();
  }
  let internalDate: number | null = null;
  if (parser.peek() === '"') {
    internalDate = parser.dateTime();
    parser.space();
  }
  // What follows is the message: a literal that `run` reads.
  if (!parser.isAtEnd) throw new SyntaxFault("Expected a literal");
  return { name, flags, internalDate };
}

export const append = defineCommand({
  validIn: "authenticated",
  parse,
  wantsStream(parser) {
    parse(parser);
    return true;
  },
  async run({ session, mailboxes, literal }: Invocation & WithMailboxes, args: Arguments) {
    if (!literal) throw new SyntaxFault("Expected a literal");
    const refusal = await refuse({ session, mailboxes, literal }, args);
    if (refusal) {
      if (!(await session.reader.skipLiteral(literal))) {
        session.bye("Message is too large");
        return null;
      }
      return refusal;
    }
    if (literal.isSynchronizing) await session.reader.goAhead();
    return literal.sizeBytes <= inMemoryBytes
      ? appendFromMemory({ session, mailboxes, literal }, args)
      : appendFromStream({ session, mailboxes, literal }, args);
  },
});

interface Given {
  readonly session: ImapSession;
  readonly mailboxes: WithMailboxes["mailboxes"];
  readonly literal: AnnouncedLiteral;
}

/** What can be said before the message is sent. */
async function refuse({ session, mailboxes, literal }: Given, { name }: Arguments): Promise<Reply | null> {
  // RFC 3501 6.3.11 has no empty messages. RFC 4469 3: TOOBIG.
  if (literal.sizeBytes === 0) return no("Message has no content", "CANNOT");
  if (literal.sizeBytes > session.services.options.maxMessageSize) return no("Message is too large", "TOOBIG");
  if (literal.sizeBytes <= inMemoryBytes) return null;
  try {
    await mailboxes.status(name);
    return null;
  } catch (fault) {
    return appendFailure(fault);
  }
}

async function appendFromMemory(given: Given, args: Arguments): Promise<Reply | null> {
  const { reader } = given.session.connection;
  const content = await reader.exact(given.literal.sizeBytes);
  const rest = content === null ? null : await reader.line(given.session.reader.limits.maxLineBytes);
  if (content === null || rest === null) return null;
  if (rest.length > 0) return bad("Expected the end of the command behind the message");
  return deliver(given, args, [content]);
}

async function appendFromStream(given: Given, args: Arguments): Promise<Reply | null> {
  const { reader } = given.session.connection;
  const content = reader.stream(given.literal.sizeBytes);
  let state: "content" | "complete" | "garbage" | "gone" = "content";
  /** Ends only if the command ends as it must, so that the store keeps nothing otherwise. */
  async function* upToTheEnd() {
    for await (const piece of content) yield piece as Buffer;
    const rest = await reader.line(given.session.reader.limits.maxLineBytes);
    state = rest === null ? "gone" : rest.length > 0 ? "garbage" : "complete";
    if (state !== "complete") throw new SyntaxFault("Expected the end of the command behind the message");
  }
  const reply = await deliver(given, args, Readable.from(upToTheEnd(), { objectMode: false }));
  // `state` changes inside the generator, which the compiler does not follow.
  switch (state as string) {
    case "complete":
      return reply;
    case "garbage":
      return bad("Expected the end of the command behind the message");
    case "gone":
      return null;
    default:
      // The store gave up before it had read all: the rest is still on the wire.
      if (given.session.connection.closed.aborted) return null;
      for await (const _ of content.destroyed ? [] : content);
      await reader.line(given.session.reader.limits.maxLineBytes);
      return reply;
  }
}

async function deliver(
  { session, mailboxes, literal }: Given,
  { name, flags, internalDate }: Arguments,
  content: NewMessage["content"],
): Promise<Reply> {
  try {
    const { uidValidity, uids } = await mailboxes.append(name, [
      { content, sizeBytes: literal.sizeBytes, flags, internalDate: internalDate ?? session.services.clock.now() },
    ]);
    // RFC 3501 6.3.11: into the selected mailbox, the client hears of it at once.
    if (session.state.at === "selected" && session.state.selected.mailbox.name === name)
      session.state.selected.isStale = true;
    return ok("Append completed", uids[0] === undefined ? null : `APPENDUID ${uidValidity} ${uids[0]}`);
  } catch (fault) {
    const reply = appendFailure(fault);
    if (reply) return reply;
    if (!session.connection.closed.aborted)
      session.log.error({ err: fault, mailbox: name }, "message cannot be appended");
    return no("Message cannot be stored now, try again later", "UNAVAILABLE");
  }
}

/** RFC 3501 6.3.11: TRYCREATE */
function appendFailure(fault: unknown): Reply | null {
  return isStoreError(fault, "nonexistent") ? no("No such mailbox", "TRYCREATE") : storeReply(fault);
}
