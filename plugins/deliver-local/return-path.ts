/**
 * RFC 5321 4.4: final delivery puts one Return-Path in front; those that came with the message are left out. The header block is
 * looked at, up to a bound beyond which nothing is removed; the bytes around what is cut are passed on as they are.
 */
import { Readable } from "node:stream";
import type { Address, Message } from "postern/plugin";

const LF = 10;
const CR = 13;
const MAX_HEADER_BYTES = 1024 * 1024;
const RETURN_PATH = /^return-path[ \t]*:/i;

/** Octets from `start` up to, not with, `end`. */
interface Cut {
  readonly start: number;
  readonly end: number;
}

export const returnPathOf = (reversePath: Address | null): string => `<${reversePath ?? ""}>`;

/** The message itself where it has no Return-Path. */
export async function withoutReturnPath(message: Message): Promise<Message> {
  if (message.headers.get("Return-Path") === undefined) return message;
  const pieces = message.inMemory();
  const cuts = cutsIn(await headerOf(pieces ?? message.content()));
  const parts = pieces && [...around(pieces, cuts)];
  return {
    sizeBytes: cuts.reduce((size, { start, end }) => size - (end - start), message.sizeBytes),
    headers: {
      get: (name) => (name.toLowerCase() === "return-path" ? undefined : message.headers.get(name)),
      all: (name) => (name.toLowerCase() === "return-path" ? [] : message.headers.all(name)),
    },
    content: () => Readable.from(parts ?? streamAround(message.content(), cuts), { objectMode: false }),
    inMemory: () => parts,
  };
}

/** The first octets, with the header block among them. */
async function headerOf(pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Buffer> {
  const head: Uint8Array[] = [];
  let size = 0;
  for await (const piece of pieces) {
    head.push(piece);
    size += piece.length;
    if (size >= MAX_HEADER_BYTES || Buffer.from(piece.buffer, piece.byteOffset, piece.length).includes("\r\n\r\n"))
      break;
  }
  return Buffer.concat(head);
}

function cutsIn(head: Buffer): readonly Cut[] {
  const cuts: Cut[] = [];
  let isCutting = false;
  for (let start = 0; start < head.length; ) {
    const end = head.indexOf(LF, start) + 1;
    // The rest of a line that is not here, or the empty line behind the header.
    if (end === 0 || end - start === 1 || (end - start === 2 && head[start] === CR)) break;
    const isFolded = head[start] === 0x20 || head[start] === 0x09;
    isCutting = isFolded ? isCutting : RETURN_PATH.test(head.toString("latin1", start, Math.min(end, start + 40)));
    if (isCutting) cuts.push({ start, end });
    start = end;
  }
  return cuts;
}

/** What is left of a piece that begins at octet `at`. */
function* kept(piece: Uint8Array, at: number, cuts: readonly Cut[]): Generator<Uint8Array> {
  let from = 0;
  for (const { start, end } of cuts) {
    const [first, last] = [start - at, end - at];
    if (last <= from || first >= piece.length) continue;
    if (first > from) yield piece.subarray(from, first);
    from = Math.min(last, piece.length);
  }
  if (from < piece.length) yield piece.subarray(from);
}

function* around(pieces: Iterable<Uint8Array>, cuts: readonly Cut[]): Generator<Uint8Array> {
  let at = 0;
  for (const piece of pieces) {
    yield* kept(piece, at, cuts);
    at += piece.length;
  }
}

async function* streamAround(pieces: AsyncIterable<Uint8Array>, cuts: readonly Cut[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const piece of pieces) {
    yield* kept(piece, at, cuts);
    at += piece.length;
  }
}
