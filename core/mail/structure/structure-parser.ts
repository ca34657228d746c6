/**
 * Finds the MIME parts of a message while its octets go by: O(1) memory for a message of any size, whatever it contains.
 * Never throws on content. Depth, number of parts and octets of header kept are bounded; what lies beyond is an opaque
 * leaf, or belongs to the part around it. A line ends with LF, a CR before it belongs to the line end.
 */
import { parameter } from "./field-value.ts";
import { isEnvelopeLine, readEnvelope, readFields } from "./part-fields.ts";
import type { OctetRange, Structure } from "./structure.ts";

export interface StructureLimits {
  /** Parts inside parts, multipart and message alike. */
  readonly maxDepth: number;
  readonly maxParts: number;
  /** Octets of `Content-` fields that are looked at, in all parts together. */
  readonly maxHeaderBytes: number;
}
const defaultLimits: StructureLimits = { maxDepth: 100, maxParts: 10_000, maxHeaderBytes: 1_048_576 };

/** RFC 2046 5.1.1 allows 70; longer ones are compared up to here, which that section allows too. */
const maxBoundaryLength = 512;
/** `--`, boundary, `--` */
const maxDelimiterLine = maxBoundaryLength + 4;
const nearBytes = 12;
const lineFeed = 10;
const carriageReturn = 13;
const dash = 45;
const space = 32;
const tab = 9;
const upperC = 67;
const lowerC = 99;

const latin1 = (bytes: Buffer, start: number, end: number): string => bytes.toString("latin1", start, end);

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type Part = Omit<Writable<Structure>, "children" | "header" | "body"> & {
  children: Structure[];
  header: Writable<OctetRange>;
  body: Writable<OctetRange>;
};

interface Open {
  readonly part: Part;
  /** `--boundary`; `null` for what is no multipart, or one that has been closed. */
  delimiter: string | null;
  /** Line feeds seen before the body began. */
  linesBefore: number;
}

export class StructureParser {
  readonly #limits: StructureLimits;
  readonly #root: Part;
  readonly #open: Open[] = [];
  #delimiters = 0;
  #parts = 0;
  #inHeader = true;
  /** `Content-` fields of the part being read, and those of an envelope; the last one may go on. */
  #fields: string[] = [];
  #keepsField = false;
  /** The header being read is that of a message inside the message. */
  #isInnerMessage = false;
  #headerBudget: number;
  /** Offset of the line that begins now. */
  #position = 0;
  #lines = 0;
  /**
   * Octets of the last line end, which belong to a delimiter that follows (RFC 2046 5.1.1). 0 behind a header line and a
   * delimiter: there the line end is theirs. By the letter of the RFC the line end of a close-delimiter would belong to
   * the delimiter around it; Dovecot counts so too, and clients compare sizes across servers.
   */
  #lineEnd = 0;
  /** The start of a line whose end has not come yet. */
  #held = "";
  #heldBytes = 0;
  #heldEndsInCr = false;

  constructor(limits: Partial<StructureLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits };
    this.#headerBudget = this.#limits.maxHeaderBytes;
    this.#root = this.#begin(0);
  }

  write(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    if (this.#heldBytes > 0) at = this.#endHeldLine(bytes);
    while (at < bytes.length) {
      // A look at the first octets is cheaper than a call where lines are short.
      let end = at;
      const near = Math.min(bytes.length, at + nearBytes);
      while (end < near && bytes[end] !== lineFeed) end++;
      if (end === near && end < bytes.length) end = bytes.indexOf(lineFeed, end);
      if (end === -1 || end === bytes.length) {
        this.#hold(bytes, at);
        return;
      }
      const length = end + 1 - at;
      const lineEnd = end > at && bytes[end - 1] === carriageReturn ? 2 : 1;
      if (this.#inHeader) this.#headerBytes(bytes, at, length, lineEnd);
      else if (this.#delimiters > 0 && bytes[at] === dash && bytes[at + 1] === dash)
        this.#dashLine(latin1(bytes, at, Math.min(end + 1 - lineEnd, at + maxDelimiterLine)), length, lineEnd);
      else this.#advance(length, lineEnd);
      at = end + 1;
    }
  }

  end(): Structure {
    if (this.#heldBytes > 0) this.#line(this.#held, this.#heldBytes, 0);
    if (this.#inHeader) this.#endHeader(this.#position);
    while (this.#open.length > 0) this.#close(this.#position, 0);
    return this.#root;
  }

  #hold(bytes: Buffer, at: number): void {
    const room =
      (this.#inHeader ? Math.max(this.#headerBudget, maxDelimiterLine) : maxDelimiterLine) - this.#held.length;
    if (room > 0) this.#held += latin1(bytes, at, Math.min(bytes.length, at + room));
    this.#heldBytes += bytes.length - at;
    if (bytes.length > at) this.#heldEndsInCr = bytes[bytes.length - 1] === carriageReturn;
  }

  /** Answers where the next line begins in `bytes`. */
  #endHeldLine(bytes: Buffer): number {
    const lf = bytes.indexOf(lineFeed);
    if (lf === -1) {
      this.#hold(bytes, 0);
      return bytes.length;
    }
    if (lf > 0) this.#hold(bytes.subarray(0, lf), 0);
    const lineEnd = this.#heldEndsInCr ? 2 : 1;
    const length = this.#heldBytes + 1;
    const held = this.#held.length === length - 1 && lineEnd === 2 ? this.#held.slice(0, -1) : this.#held;
    this.#held = "";
    this.#heldBytes = 0;
    this.#line(held, length, lineEnd);
    return lf + 1;
  }

  #line(text: string, length: number, lineEnd: number): void {
    if (this.#inHeader) this.#headerLine(text, length, lineEnd);
    else if (this.#delimiters > 0 && text.startsWith("--")) this.#dashLine(text, length, lineEnd);
    else this.#advance(length, lineEnd);
  }

  /** Makes a string only of the lines that matter here. */
  #headerBytes(bytes: Buffer, at: number, length: number, lineEnd: number): void {
    const first = bytes[at];
    const matters =
      first === upperC ||
      first === lowerC ||
      (this.#isInnerMessage && first !== space && first !== tab) ||
      length === lineEnd ||
      (this.#keepsField && (first === space || first === tab)) ||
      (this.#delimiters > 0 && first === dash);
    if (matters) {
      const kept = Math.min(length - lineEnd, Math.max(this.#headerBudget, maxDelimiterLine));
      this.#headerLine(latin1(bytes, at, at + kept), length, lineEnd);
    } else {
      if (first !== space && first !== tab) this.#keepsField = false;
      this.#advance(length, lineEnd);
      this.#lineEnd = 0;
    }
  }

  #advance(length: number, lineEnd: number): void {
    this.#position += length;
    this.#lineEnd = lineEnd;
    if (lineEnd > 0) this.#lines++;
  }

  #headerLine(text: string, length: number, lineEnd: number): void {
    if (this.#delimiters > 0 && text.startsWith("--")) {
      const frame = this.#match(text);
      if (frame !== -1) {
        // A header that its delimiter cuts short has no body.
        this.#endHeader(this.#position);
        this.#delimit(frame, text, length, lineEnd);
        return;
      }
    }
    this.#advance(length, lineEnd);
    this.#lineEnd = 0;
    if (length === lineEnd) this.#endHeader(this.#position);
    else if (text.startsWith(" ") || text.startsWith("\t")) {
      if (this.#keepsField) this.#keep(`\n${text}`);
    } else {
      this.#keepsField = /^content-/i.test(text) || (this.#isInnerMessage && isEnvelopeLine(text));
      if (this.#keepsField) {
        this.#fields.push("");
        this.#keep(text);
      }
    }
  }

  #keep(text: string): void {
    this.#headerBudget -= text.length;
    if (this.#headerBudget >= 0) this.#fields[this.#fields.length - 1] += text;
    else this.#keepsField = false;
  }

  #dashLine(text: string, length: number, lineEnd: number): void {
    const frame = this.#match(text);
    if (frame === -1) this.#advance(length, lineEnd);
    else this.#delimit(frame, text, length, lineEnd);
  }

  /**
   * RFC 2046 5.1.1: it is enough that the boundary stands at the beginning of the line. Where several do (one boundary
   * being the start of another), the longest is meant; among equal ones, the innermost.
   */
  #match(text: string): number {
    let best = -1;
    let bestLength = 0;
    for (let i = this.#open.length - 1; i >= 0; i--) {
      const delimiter = this.#open[i]?.delimiter;
      if (delimiter && delimiter.length > bestLength && text.startsWith(delimiter)) {
        best = i;
        bestLength = delimiter.length;
      }
    }
    return best;
  }

  #delimit(index: number, text: string, length: number, lineEnd: number): void {
    const at = this.#position;
    while (this.#open.length > index + 1) this.#close(at, this.#lineEnd);
    this.#inHeader = false;
    this.#advance(length, lineEnd);
    this.#lineEnd = 0;
    const frame = this.#open[index];
    if (!frame?.delimiter) return;
    const isLast = text.startsWith("--", frame.delimiter.length);
    if (isLast || this.#parts >= this.#limits.maxParts) {
      frame.delimiter = null;
      this.#delimiters--;
      return;
    }
    frame.part.children.push(this.#begin(this.#position));
  }

  #begin(at: number): Part {
    const part: Part = {
      header: { start: at, length: 0 },
      body: { start: at, length: 0 },
      lines: 0,
      type: "text",
      subtype: "plain",
      parameters: [],
      id: null,
      description: null,
      encoding: "7bit",
      md5: null,
      disposition: null,
      language: null,
      location: null,
      children: [],
      message: null,
      envelope: null,
    };
    this.#parts++;
    this.#open.push({ part, delimiter: null, linesBefore: 0 });
    this.#inHeader = true;
    this.#fields = [];
    this.#keepsField = false;
    return part;
  }

  #endHeader(at: number): void {
    const frame = this.#open[this.#open.length - 1];
    if (!frame) return;
    const { part } = frame;
    this.#inHeader = false;
    part.header.length = at - part.header.start;
    part.body.start = at;
    frame.linesBefore = this.#lines;
    const parent = this.#open[this.#open.length - 2]?.part;
    const facts = readFields(this.#fields, parent?.type === "multipart" && parent.subtype === "digest");
    Object.assign(part, facts);
    if (this.#isInnerMessage) part.envelope = readEnvelope(this.#fields);
    this.#isInnerMessage = false;
    this.#fields = [];
    const isDeep = this.#open.length > this.#limits.maxDepth || this.#parts >= this.#limits.maxParts;
    const isMessage = part.type === "message" && (part.subtype === "rfc822" || part.subtype === "global");
    if (!isMessage && part.type !== "multipart") return;
    if (isDeep) {
      part.type = "application";
      part.subtype = "octet-stream";
      part.parameters = [];
    } else if (isMessage) {
      part.message = this.#begin(at);
      this.#isInnerMessage = true;
    } else {
      const boundary = parameter(part.parameters, "boundary");
      // RFC 2046 5.1.1: blanks at the end are no part of a boundary.
      const trimmed = boundary?.slice(0, maxBoundaryLength).trimEnd();
      if (!trimmed) return;
      frame.delimiter = `--${trimmed}`;
      this.#delimiters++;
    }
  }

  /** Ends the innermost part at `at`; `lineEnd` octets before it belong to the delimiter found there. */
  #close(at: number, lineEnd: number): void {
    const frame = this.#open.pop();
    if (!frame) return;
    if (frame.delimiter !== null) this.#delimiters--;
    const { body } = frame.part;
    const total = at - body.start;
    if (total <= 0) return;
    const isDelimited = lineEnd > 0 && total >= lineEnd;
    body.length = total - (isDelimited ? lineEnd : 0);
    frame.part.lines = Math.max(0, this.#lines - frame.linesBefore - (isDelimited ? 1 : 0));
  }
}

/** The structure of a message in memory. */
export function parseStructure(source: Uint8Array, limits?: Partial<StructureLimits>): Structure {
  const parser = new StructureParser(limits);
  parser.write(source);
  return parser.end();
}

/** The structure of a message that comes in pieces. Rejects only if the source does. */
export async function parseStructureStream(
  source: AsyncIterable<Uint8Array>,
  limits?: Partial<StructureLimits>,
): Promise<Structure> {
  const parser = new StructureParser(limits);
  for await (const piece of source) parser.write(piece);
  return parser.end();
}
