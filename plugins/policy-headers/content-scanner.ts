/**
 * Cuts a message into what Postfix's content checks look at, while its octets go by: header fields with their folding, fields of
 * MIME parts and of attached messages, lines of the body. Memory is bounded by the longest field that is looked at; nothing that is
 * in a message makes it throw.
 */
import { parameter, parseContentType, parseHeader } from "postern/mail";
import { LinePieces, type Piece } from "./line-pieces.ts";

export type Place = "header" | "mimeHeader" | "nestedHeader" | "body";

export interface Item {
  readonly place: Place;
  /** A field with its line ends as LF, or one line; without the last line end. */
  readonly text: string;
  /** Number of the field among those of the message; `null` elsewhere. */
  readonly index: number | null;
  /** Octets from the start of the body; the line end lies between `textEnd` and `end`. */
  readonly start: number;
  readonly textEnd: number;
  readonly end: number;
}

export interface ScanLimits {
  /** Octets of one field that are looked at (header_size_limit). */
  readonly fieldBytes: number;
  /** Octets of each part's body that are looked at (body_checks_size_limit). */
  readonly partBytes: number;
  /** Octets of all that stands behind the header. */
  readonly totalBytes: number;
}

/** mime_nesting_limit */
const NESTING_LIMIT = 100;
const BOUNDARY_LIMIT = 512;
const MIME_FIELD = /^(?:content-[^:\s]*|mime-version)\s*:/i;

interface Field {
  pieces: Buffer[];
  length: number;
  start: number;
  textEnd: number;
  end: number;
}

export class ContentScanner {
  readonly #limits: ScanLimits;
  readonly #readsBody: boolean;
  readonly #lines = new LinePieces();
  readonly #boundaries: string[] = [];
  #headerPieces: Buffer[] | null = [];
  #headerTail = "";
  /** Of the part that is being read; `null` in a body. */
  #partHeader: "mimeHeader" | "nestedHeader" | null = null;
  #field: Field | null = null;
  /** `Content-` fields of the part that decide what follows. */
  #contentType: string | null = null;
  #isEncoded = false;
  #bodyStart = 0;
  /** Length of the header block with its empty line. */
  headerBytes = 0;

  constructor(limits: ScanLimits, readsBody: boolean) {
    this.#limits = limits;
    this.#readsBody = readsBody;
  }

  /** Whether nothing more is looked at. */
  get isDone(): boolean {
    return this.#headerPieces === null && (!this.#readsBody || this.#lines.position >= this.#limits.totalBytes);
  }

  *push(chunk: Uint8Array): Generator<Item> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#headerPieces === null) {
      yield* this.#body(bytes);
      return;
    }
    const end = this.#endOfHeader(bytes);
    this.#headerPieces.push(end < 0 ? bytes : bytes.subarray(0, end));
    if (end < 0) return;
    yield* this.#header();
    yield* this.#body(bytes.subarray(end));
  }

  *end(): Generator<Item> {
    if (this.#headerPieces !== null) yield* this.#header();
    for (const piece of this.#lines.end()) yield* this.#line(piece);
    yield* this.#closeField();
  }

  /** Where the body begins in this chunk; the empty line may lie across two. */
  #endOfHeader(bytes: Buffer): number {
    const text = this.#headerTail + bytes.toString("latin1");
    const isFirst = this.#headerPieces?.length === 0;
    const found = isFirst && /^\r?\n/.test(text) ? /^\r?\n/.exec(text) : /\n\r?\n/.exec(text);
    if (found) return found.index + found[0].length - this.#headerTail.length;
    this.#headerTail = text.slice(-2);
    return -1;
  }

  *#header(): Generator<Item> {
    const block = Buffer.concat(this.#headerPieces ?? []);
    this.#headerPieces = null;
    this.headerBytes = block.length;
    for (const [index, field] of parseHeader(block).entries()) {
      const text = textOf(block.subarray(field.start, Math.min(field.end, field.start + this.#limits.fieldBytes)));
      this.#learn(text);
      const place = MIME_FIELD.test(text) ? "mimeHeader" : "header";
      yield { place, text, index, start: field.start, textEnd: field.end, end: field.end };
    }
    this.#beginBody(0);
  }

  *#body(bytes: Buffer): Generator<Item> {
    if (!this.#readsBody) return;
    for (const piece of this.#lines.push(bytes)) {
      if (piece.start >= this.#limits.totalBytes) return;
      yield* this.#line(piece);
    }
  }

  *#line(piece: Piece): Generator<Item> {
    const isDelimiter =
      piece.isLineStart && this.#boundaries.length > 0 && piece.bytes[0] === 0x2d && piece.bytes[1] === 0x2d;
    const closed = isDelimiter ? this.#delimiter(piece.bytes.toString("latin1")) : null;
    if (closed !== null) {
      yield* this.#closeField();
      yield this.#bodyItem(piece);
      this.#boundaries.length = closed.isEnd ? closed.depth : closed.depth + 1;
      if (closed.isEnd) this.#beginSegment(piece.end);
      else this.#beginHeader("mimeHeader");
      return;
    }
    if (this.#partHeader === null) {
      if (piece.start - this.#bodyStart < this.#limits.partBytes) yield this.#bodyItem(piece);
      return;
    }
    if (piece.isLineStart && piece.bytes.length === 0) {
      yield* this.#closeField();
      this.#beginBody(piece.end);
      return;
    }
    const goesOn = !piece.isLineStart || piece.bytes[0] === 0x20 || piece.bytes[0] === 0x09;
    if (goesOn && this.#field) {
      this.#extend(this.#field, piece);
      return;
    }
    yield* this.#closeField();
    if (/^[!-9;-~]+[ \t]*:/.test(piece.bytes.toString("latin1"))) this.#field = fieldOf(piece);
    else {
      // What is no field ends the header, as in Postfix: the rest is body.
      this.#beginBody(piece.start);
      yield* this.#line(piece);
    }
  }

  #extend(field: Field, piece: Piece): void {
    if (field.length < this.#limits.fieldBytes) {
      if (piece.isLineStart) field.pieces.push(Buffer.from("\n"));
      field.pieces.push(Buffer.from(piece.bytes));
      field.length += piece.bytes.length + 1;
    }
    field.textEnd = piece.start + piece.bytes.length;
    field.end = piece.end;
  }

  *#closeField(): Generator<Item> {
    const field = this.#field;
    this.#field = null;
    if (!field || this.#partHeader === null) return;
    const text = textOf(Buffer.concat(field.pieces));
    this.#learn(text);
    const place = MIME_FIELD.test(text) ? "mimeHeader" : this.#partHeader;
    yield { place, text, index: null, start: field.start, textEnd: field.textEnd, end: field.end };
  }

  #learn(text: string): void {
    const colon = text.indexOf(":");
    const name = text.slice(0, colon).trim().toLowerCase();
    const value = text.slice(colon + 1);
    if (name === "content-type") this.#contentType ??= value.replaceAll("\n", "");
    if (name === "content-transfer-encoding") this.#isEncoded = !/^\s*(?:7bit|8bit|binary)\b/i.test(value);
  }

  #beginHeader(place: "mimeHeader" | "nestedHeader"): void {
    this.#partHeader = place;
    this.#contentType = null;
    this.#isEncoded = false;
  }

  #beginBody(start: number): void {
    const type = this.#contentType === null ? null : parseContentType(this.#contentType);
    const isEncoded = this.#isEncoded;
    this.#beginSegment(start);
    if (!type || isEncoded) return;
    const boundary = type.type === "multipart" ? parameter(type.parameters, "boundary")?.trimEnd() : null;
    if (boundary && this.#boundaries.length < NESTING_LIMIT) this.#boundaries.push(boundary.slice(0, BOUNDARY_LIMIT));
    if (type.type === "message" && (type.subtype === "rfc822" || type.subtype === "global"))
      this.#beginHeader("nestedHeader");
  }

  #beginSegment(start: number): void {
    this.#partHeader = null;
    this.#contentType = null;
    this.#isEncoded = false;
    this.#bodyStart = start;
  }

  /** RFC 2046 5.1.1: it is enough that the boundary stands at the start of the line; the innermost one counts. */
  #delimiter(line: string): { readonly depth: number; readonly isEnd: boolean } | null {
    for (let depth = this.#boundaries.length - 1; depth >= 0; depth -= 1) {
      const boundary = this.#boundaries[depth] ?? "";
      if (line.startsWith(boundary, 2)) return { depth, isEnd: line.startsWith("--", 2 + boundary.length) };
    }
    return null;
  }

  #bodyItem({ bytes, start, end }: Piece): Item {
    return { place: "body", text: textOf(bytes), index: null, start, textEnd: start + bytes.length, end };
  }
}

const fieldOf = ({ bytes, start, end }: Piece): Field => ({
  pieces: [Buffer.from(bytes)],
  length: bytes.length,
  start,
  textEnd: start + bytes.length,
  end,
});

/** UTF-8 where it is that, else an octet a character; line ends as LF, none at the end. */
function textOf(bytes: Buffer): string {
  const utf8 = bytes.toString("utf8");
  const text = utf8.includes("\uFFFD") ? bytes.toString("latin1") : utf8;
  return text.replace(/\r?\n$/, "").replaceAll("\r\n", "\n");
}
