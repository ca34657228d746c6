/**
 * BDAT (RFC 3030 2): content in chunks of announced size. Behind each chunk is one answer; behind the last one those of DATA.
 * A refused chunk is read to its last octet all the same, since commands follow it, and never becomes a command itself. What
 * is announced far beyond what we take is not read: the connection ends.
 */
import type { EnvelopeState } from "../../kernel/envelope.ts";
import { whenKnown } from "../../kernel/when-known.ts";
import { ChunkScanner } from "../chunk-scanner.ts";
import type { Content } from "../content.ts";
import type { Answer, Conversation, Transaction } from "../conversation.ts";
import { Discarded } from "../incoming.ts";
import {
  discardedForGood,
  discardedForNow,
  farTooLarge,
  loginFirst,
  mailFirst,
  noRecipients,
  noRecipientsLmtp,
  rcptFirst,
  tlsFirst,
} from "../replies.ts";
import { type Reply, reply } from "../reply.ts";
import { endContent, forEach, logRefused } from "./content-end.ts";
import { openContent } from "./content-start.ts";

// RFC 3030 2: chunk-size ::= 1*DIGIT; what stands for more than 2**53 has more digits than anybody has disks
const CHUNK = /^ *(\d{1,16})(?: +(.*?))? *$/;

// Nobody knows where the chunk ends, and content must not be taken for commands.
const badSize = reply(501, "5.5.4", "Syntax: BDAT size [LAST]", { closes: true });
const badEnd = reply(501, "5.5.4", "Syntax: BDAT size [LAST]");

const lost = reply(421, "4.3.0", "Temporary error, try again later");

/** Nobody takes the octets that follow, and they are no commands: the connection ends. */
export const onBdatFault = (): Reply => lost;

interface Chunk {
  readonly sizeBytes: number;
  readonly isLast: boolean;
}

export function bdat(conversation: Conversation, argument: string): Answer | Promise<Answer> {
  const parsed = CHUNK.exec(argument);
  if (parsed === null) return badSize;
  const word = parsed[2] ?? "";
  const chunk: Chunk = { sizeBytes: Number(parsed[1]), isLast: word.toUpperCase() === "LAST" };
  if (word !== "" && !chunk.isLast) return discard(conversation, chunk, badEnd);
  const refusal = outOfOrder(conversation);
  const { transaction } = conversation;
  if (refusal !== null || transaction === null) return discard(conversation, chunk, refusal ?? mailFirst);
  if (transaction.content !== null) return receive(conversation, transaction, chunk, transaction.content);
  const isBinary = transaction.draft.envelope.body === "binarymime";
  const framing = (onPiece: (piece: Buffer) => void) => new ChunkScanner(onPiece, isBinary);
  const sizeHintBytes = chunk.isLast ? chunk.sizeBytes : null;
  return whenKnown(openContent(conversation, transaction, { framing, sizeHintBytes }), (opened) => {
    if (!("wire" in opened)) return receive(conversation, transaction, chunk, opened);
    transaction.discards = discardsBehind(opened);
    return discard(conversation, chunk, opened);
  });
}

function outOfOrder({ connection, role, session, transaction }: Conversation): Reply | null {
  if (connection.listenerTls === "required" && session.tls === null) return tlsFirst;
  if (role.requiresLogin && session.identity === null) return loginFirst;
  if (transaction === null) return mailFirst;
  if (transaction.discards !== null) return transaction.discards;
  if (transaction.offered === 0) return rcptFirst;
  if (transaction.admitted === 0) return role.isLmtp ? noRecipientsLmtp : noRecipients;
  return null;
}

function receive(
  conversation: Conversation,
  transaction: Transaction,
  chunk: Chunk,
  content: Content,
): Answer | Promise<Answer> {
  const { framing } = content;
  if (!(framing instanceof ChunkScanner)) throw new Error("chunks and dots in one message");
  const { sizeBytes, isLast } = chunk;
  content.announce(sizeBytes);
  if (content.problem !== null) return fail(conversation, transaction, content, chunk);
  if (sizeBytes === 0) {
    if (isLast) return end(conversation, transaction, content, framing);
    return conversation.countIdle() ?? taken(chunk);
  }
  framing.begin(sizeBytes);
  conversation.receive(content, () => {
    if (isLast) return end(conversation, transaction, content, framing);
    const waiting = content.takeWaiting();
    const answer = (): Reply => {
      const { problem } = content;
      if (problem === null) return taken(chunk);
      refuse(conversation, transaction, content, problem);
      return problem;
    };
    return waiting === null ? answer() : waiting.then(answer);
  });
  return null;
}

/** Many clients say BINARYMIME wherever it is offered: text that came so can still go where it is not. */
function end(
  conversation: Conversation,
  { draft }: Transaction,
  content: Content,
  framing: ChunkScanner,
): Promise<Answer> {
  framing.finish();
  const envelope = draft.envelope as EnvelopeState;
  if (envelope.body === "binarymime" && framing.isText) envelope.body = "8bitmime";
  return endContent(conversation, content);
}

const taken = ({ sizeBytes }: Chunk): Reply => reply(250, "2.0.0", `${sizeBytes} octets received`);

/** The chunk would make the message too large: nothing of it is kept. */
function fail(conversation: Conversation, transaction: Transaction, content: Content, chunk: Chunk): Answer {
  const problem = content.problem ?? discardedForGood;
  refuse(conversation, transaction, content, problem);
  return discard(conversation, chunk, problem);
}

/** RFC 3030 2: a refused chunk fails the transaction; those behind it are discarded. */
function refuse(conversation: Conversation, transaction: Transaction, content: Content, problem: Reply): void {
  logRefused(conversation, transaction, content, problem);
  transaction.discards = discardsBehind(problem);
}

const discardsBehind = ({ code }: Reply): Reply => (code < 500 ? discardedForNow : discardedForGood);

/** RFC 3030 2: what was refused is missing, whatever the reason: the chunks around it make no message. */
function leaveGap({ transaction }: Conversation, answer: Reply): void {
  if (transaction === null) return;
  transaction.content?.fail(answer);
  transaction.discards ??= discardsBehind(answer);
}

/** Reads the chunk, forgets it, and answers. */
function discard(conversation: Conversation, chunk: Chunk, answer: Reply): Answer {
  const tooMany = conversation.countIdle();
  if (tooMany !== null) return tooMany;
  if (!conversation.affordsDiscarding(chunk.sizeBytes)) return farTooLarge;
  if (!chunk.isLast) leaveGap(conversation, answer);
  if (chunk.sizeBytes === 0) return endDiscarded(conversation, chunk, answer);
  conversation.receive(new Discarded(chunk.sizeBytes), () => endDiscarded(conversation, chunk, answer));
  return null;
}

function endDiscarded(conversation: Conversation, { isLast }: Chunk, answer: Reply): Answer {
  const { transaction } = conversation;
  if (!isLast || transaction === null || transaction.discards === null) return answer;
  // The failed transaction is over; a client that pipelined goes on with the next.
  conversation.endTransaction();
  return transaction.admitted === 0 ? answer : forEach(conversation, transaction, answer);
}
