/**
 * Content on its way: by DATA with dots stuffed, or by BDAT octet by octet (RFC 3030 2). What is in memory and small leaves in one write, everything
 * else piece by piece as the host takes it. Content that cannot be read, or is not as long as was announced, breaks the connection before
 * its end: half a message is never taken for a whole one.
 */
import type { Message } from "../contracts/envelope.ts";
import { DotStuffing } from "./dot-stuffing.ts";
import { reasonOf } from "./outbound-fault.ts";
import type { Timeouts } from "./timeouts.ts";
import { ConnectionFault, type Wire } from "./wire.ts";

export type Content = Pick<Message, "sizeBytes" | "content" | "inMemory">;

/** Told when the end of the content has left. */
export interface ContentProgress {
  isContentSent: boolean;
}

/** What goes in one write. */
const SMALL_BYTES = 64 * 1024;
/** What goes along with the envelope, before the host has said that it wants it. */
const CARRIED_BYTES = 16 * 1024;

/** Our own fault, not the host's. */
export class ContentFault extends Error {
  override readonly name = "ContentFault";
}

/** Command and content of a message that may go behind its envelope at once; `null`: it is too large, or not in memory. */
export function smallChunk(content: Content): readonly Uint8Array[] | null {
  if (content.sizeBytes > CARRIED_BYTES) return null;
  const pieces = content.inMemory();
  if (pieces === null || lengthOf(pieces) !== content.sizeBytes) return null;
  return [Buffer.from(`BDAT ${content.sizeBytes} LAST\r\n`), ...pieces];
}

/** After 354. `false`, here and below: the host has answered before the end, and hears no more of it. */
export async function sendData(
  wire: Wire,
  content: Content,
  replies: number,
  { blockMs }: Timeouts,
  progress: ContentProgress,
): Promise<boolean> {
  const { sizeBytes } = content;
  const stuffing = new DotStuffing();
  const inMemory = content.inMemory();
  if (inMemory !== null && sizeBytes <= SMALL_BYTES && lengthOf(inMemory) === sizeBytes) {
    const pieces = inMemory.flatMap((piece) => stuffing.stuff(piece));
    progress.isContentSent = true;
    wire.send(Buffer.concat([...pieces, Buffer.from(stuffing.end())]), replies);
    return true;
  }
  wire.send("", replies);
  if (!(await pour(wire, content, blockMs, (chunk) => stuffing.stuff(chunk)))) return false;
  progress.isContentSent = true;
  wire.send(stuffing.end(), 0);
  return true;
}

/** RFC 3030 2: one chunk, and the last one. */
export async function sendChunk(
  wire: Wire,
  content: Content,
  replies: number,
  { blockMs }: Timeouts,
  progress: ContentProgress,
): Promise<boolean> {
  const { sizeBytes } = content;
  const inMemory = content.inMemory();
  const command = Buffer.from(`BDAT ${sizeBytes} LAST\r\n`);
  if (inMemory !== null && sizeBytes <= SMALL_BYTES && lengthOf(inMemory) === sizeBytes) {
    progress.isContentSent = true;
    wire.send(Buffer.concat([command, ...inMemory]), replies);
    return true;
  }
  wire.send(command, replies);
  const isWhole = await pour(wire, content, blockMs, (chunk, isLast) => {
    // The last octet is what makes it a message.
    if (isLast) progress.isContentSent = true;
    return [chunk];
  });
  return isWhole || progress.isContentSent;
}

/** All of the content, no more and no less than was announced. `false`: the host has answered before the end, and hears no more of it. */
async function pour(
  wire: Wire,
  content: Content,
  blockMs: number,
  piecesOf: (chunk: Uint8Array, isLast: boolean) => readonly Uint8Array[],
): Promise<boolean> {
  const { sizeBytes } = content;
  let sentBytes = 0;
  for await (const chunk of readable(content)) {
    let isTaking = true;
    sentBytes += chunk.length;
    if (sentBytes > sizeBytes) throw new ContentFault(`the content has more than its ${sizeBytes} octets`);
    for (const piece of piecesOf(chunk, sentBytes === sizeBytes)) isTaking = wire.send(piece, 0);
    if (!isTaking) await wire.drained(blockMs);
    if (wire.hasReply) return false;
  }
  if (sentBytes < sizeBytes) throw new ContentFault(`the content has less than its ${sizeBytes} octets`);
  return true;
}

/** In pieces that do not fill a socket's buffer all at once. */
async function* readable(content: Content): AsyncGenerator<Uint8Array> {
  const source: Iterable<Uint8Array> | AsyncIterable<Uint8Array> = content.inMemory() ?? content.content();
  try {
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length; at += SMALL_BYTES) yield chunk.subarray(at, at + SMALL_BYTES);
    }
  } catch (cause) {
    if (cause instanceof ConnectionFault || cause instanceof ContentFault) throw cause;
    throw new ContentFault(`the content cannot be read: ${reasonOf(cause)}`);
  }
}

const lengthOf = (pieces: readonly Uint8Array[]): number => pieces.reduce((sum, { length }) => sum + length, 0);
