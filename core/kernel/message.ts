/**
 * A message's bytes in pieces: the header block always in memory, the body in memory or as ranges of a file. Nothing is
 * concatenated and nothing becomes a string unless somebody asks for a header. Reading a file range that has gone errors the
 * stream of `content()`.
 */
import type { Readable } from "node:stream";
import type { Message } from "../contracts/envelope.ts";
import type { Change } from "../contracts/verdicts.ts";
import { createHeaders } from "../mail/header.ts";
import { closedHeader, editHeader } from "./header-edit.ts";
import { type Piece, readPieces } from "./pieces.ts";

export { type FileRange, type Piece, readPieces } from "./pieces.ts";

export interface StoredMessage extends Message {
  /** The header block including the empty line that closes it. */
  readonly header: Uint8Array;
  readonly body: readonly Piece[];
}

export const isInMemory = (piece: Piece): piece is Uint8Array => piece instanceof Uint8Array;

class PiecedMessage implements StoredMessage {
  readonly header: Uint8Array;
  readonly body: readonly Piece[];
  readonly sizeBytes: number;
  #headers: Message["headers"] | null = null;

  constructor(header: Uint8Array, body: readonly Piece[]) {
    this.header = header;
    this.body = body;
    let sizeBytes = header.length;
    for (const piece of body) sizeBytes += piece.length;
    this.sizeBytes = sizeBytes;
  }

  get headers(): Message["headers"] {
    this.#headers ??= createHeaders(this.header);
    return this.#headers;
  }

  content(): Readable {
    return readPieces([this.header, ...this.body]);
  }

  inMemory(): readonly Uint8Array[] | null {
    return this.body.every(isInMemory) ? [this.header, ...this.body] : null;
  }
}

/** `header` includes the empty line that closes it; a message without a body and without that line is allowed. */
export const createMessage = (header: Uint8Array, body: readonly Piece[]): StoredMessage =>
  new PiecedMessage(header, body);

/** A new message with those changes that edit the header, sharing the body; the others are the caller's business. */
export function editMessage(message: StoredMessage, changes: readonly Change[]): StoredMessage {
  const header = editHeader(message.header, changes);
  return header === message.header ? message : createMessage(header, message.body);
}

/** The same header over another body. */
export const withBody = (message: StoredMessage, body: readonly Piece[]): StoredMessage =>
  createMessage(closedHeader(message.header), body);

/** A message that carries its own pieces: every message that core made. */
export const isStored = (message: Message): message is StoredMessage =>
  "header" in message && message.header instanceof Uint8Array && "body" in message && Array.isArray(message.body);
