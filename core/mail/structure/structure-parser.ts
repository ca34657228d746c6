/**
 * Finds the MIME parts of a message while its octets go by: O(1) memory for a message of any size, whatever it contains.
 * Never throws on content. Depth, number of parts and octets of header kept are bounded; what lies beyond is an opaque
 * leaf, or belongs to the part around it. A line ends with LF, a CR before it belongs to the line end.
 */
import { envelopeOf } from "./envelope.ts";
import { fieldStart, isContentField, type KnownField } from "./field-names.ts";
import { parameter } from "./field-value.ts";
import { unfoldText } from "./header-fields.ts";
import { readFields } from "./part-fields.ts";
import type { OctetRange, Structure } from "./structure.ts";

export interface StructureLimits {
  /** Parts inside parts, multipart and message alike. */
  readonly maxDepth: number;
  readonly maxParts: number;
  /** Octets of fields that are looked at: in the header of the message, and in those of all parts together. */
  readonly maxHeaderBytes: number;
}
const defaultLimits: StructureLimits = { maxDepth: 100, maxParts: 10_000, maxHeaderBytes: 1_048_576 };

/** RFC 2046 5.1.1 allows 70; longer ones are compared up to here, which that section allows too. */
const maxBoundaryLength = 512;
/** `--`, boundary, `--` */
const maxDelimiterLine = maxBoundaryLength + 4;
const lineFeed = 10;
const carriageReturn = 13;
const dash = 45;
const space = 32;
const tab = 9;

const latin1 = (bytes: Buffer, from: number, to: number): string => bytes.toString("latin1", from, to);

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

/** A line, or as much of it as was kept. */
interface Line {
  readonly bytes: Buffer;
  readonly from: number;
  /** Behind what was kept, without the line end. */
  readonly to: number;
  /** Octets that it has in the message, with its line end. */
  readonly length: number;
  /** Octets of its line end. */
  readonly lineEnd: number;
}

export class StructureParser {
  readonly #limits: StructureLimits;
  readonly #root: Part;
  readonly #open: Open[] = [];
  #delimiters = 0;
  #parts = 0;
  #inHeader = true;
  /** The header being read is that of a message, whose envelope is wanted. */
  #isMessage: boolean;
  /** Fields of the header being read, raw; of those given twice the first counts. */
  #fields = new Map<KnownField, string>();
  /** The one that the next line may go on with. */
  #field: KnownField | null = null;
  #headerBudget: number;
  #rootFields: ReadonlyMap<KnownField, string> = new Map();
  /** Offset of the line that begins now. */
  #position = 0;
  #lines = 0;
  /**
   * Octets of the last line end, which belong to a delimiter that follows (RFC 2046 5.1.1). 0 behind a header line and a
   * delimiter: there the line end is theirs. By the letter of the RFC the line end of a close-delimiter would belong to
   * the delimiter around it; Dovecot counts so too, and clients compare sizes across servers.
   */
  #lineEnd = 0;
  /** The start of a line whose end has not come yet: what is kept of it. */
  #held: Buffer[] = [];
  #keptBytes = 0;
  #heldBytes = 0;
  #heldEndsInCr = false;

  /** `keepsFields`: see `fields`. */
  constructor(limits: Partial<StructureLimits> = {}, { keepsFields = false }: { readonly keepsFields?: boolean } = {}) {
    this.#limits = { ...defaultLimits, ...limits };
    this.#headerBudget = this.#limits.maxHeaderBytes;
    this.#isMessage = keepsFields;
    this.#root = this.#begin(0);
  }

  /** What the header of the message says, unfolded, at the end; its `Content-` fields only, unless others were to be kept. */
  get fields(): ReadonlyMap<KnownField, string> {
    return this.#rootFields;
  }

  write(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = this.#heldBytes > 0 ? this.#endHeldLine(bytes) : 0;
    while (at < bytes.length) {
      if (!this.#inHeader) at = this.#skipBody(bytes, at);
      if (at < bytes.length) at = this.#wholeLine(bytes, at);
    }
  }

  end(): Structure {
    if (this.#heldBytes > 0) this.#takeHeld(this.#heldBytes, 0);
    if (this.#inHeader) this.#endHeader(this.#position);
    while (this.#open.length > 0) this.#close(this.#position, 0);
    return this.#root;
  }

  /** Passes over lines of a body that cannot be delimiters: nearly all there are. Answers where it stopped. */
  #skipBody(bytes: Buffer, from: number): number {
    const hasDelimiters = this.#delimiters > 0;
    let at = from;
    while (at < bytes.length && !(hasDelimiters && bytes[at] === dash)) {
      const lf = lineFeedIn(bytes, at);
      if (lf === bytes.length) break;
      this.#lines++;
      this.#lineEnd = lf > at && bytes[lf - 1] === carriageReturn ? 2 : 1;
      at = lf + 1;
    }
    this.#position += at - from;
    return at;
  }

  /** Answers where the next line begins. */
  #wholeLine(bytes: Buffer, from: number): number {
    const lf = lineFeedIn(bytes, from);
    if (lf === bytes.length) {
      this.#hold(bytes, from, lf);
      return lf;
    }
    const lineEnd = lf > from && bytes[lf - 1] === carriageReturn ? 2 : 1;
    const length = lf + 1 - from;
    this.#line({ bytes, from, to: from + Math.min(length - lineEnd, this.#roomForLine), length, lineEnd });
    return lf + 1;
  }

  get #roomForLine(): number {
    return this.#inHeader ? Math.max(this.#headerBudget, maxDelimiterLine) : maxDelimiterLine;
  }

  #hold(bytes: Buffer, from: number, to: number): void {
    if (to === from) return;
    const kept = Math.min(to - from, this.#roomForLine - this.#keptBytes);
    // Copied: whoever reads may use its buffer again.
    if (kept > 0) this.#held.push(Buffer.from(bytes.subarray(from, from + kept)));
    this.#keptBytes += kept;
    this.#heldBytes += to - from;
    this.#heldEndsInCr = bytes[to - 1] === carriageReturn;
  }

  /** Answers where the next line begins in `bytes`. */
  #endHeldLine(bytes: Buffer): number {
    const lf = lineFeedIn(bytes, 0);
    this.#hold(bytes, 0, lf);
    if (lf === bytes.length) return lf;
    this.#takeHeld(this.#heldBytes + 1, this.#heldEndsInCr ? 2 : 1);
    return lf + 1;
  }

  #takeHeld(length: number, lineEnd: number): void {
    const bytes = Buffer.concat(this.#held);
    this.#held = [];
    this.#keptBytes = 0;
    this.#heldBytes = 0;
    this.#line({ bytes, from: 0, to: Math.min(bytes.length, length - lineEnd), length, lineEnd });
  }

  #line(line: Line): void {
    const { bytes, from, to } = line;
    if (this.#delimiters > 0 && to - from > 2 && bytes[from] === dash && bytes[from + 1] === dash) {
      const text = latin1(bytes, from, Math.min(to, from + maxDelimiterLine));
      const frame = this.#match(text);
      if (frame !== -1) {
        // A header that its delimiter cuts short has no body.
        if (this.#inHeader) this.#endHeader(this.#position);
        this.#delimit(frame, text, line);
        return;
      }
    }
    this.#advance(line);
    if (this.#inHeader) this.#headerLine(line);
  }

  #advance({ length, lineEnd }: Line): void {
    this.#position += length;
    this.#lineEnd = lineEnd;
    if (lineEnd > 0) this.#lines++;
  }

  #headerLine({ bytes, from, to, length, lineEnd }: Line): void {
    this.#lineEnd = 0;
    if (length === lineEnd) this.#endHeader(this.#position);
    else if (bytes[from] === space || bytes[from] === tab) {
      if (this.#field !== null) this.#keep(this.#field, `${this.#fields.get(this.#field)}\n`, bytes, from, to);
    } else {
      const field = fieldStart(bytes, from, to);
      const isWanted = field !== null && (this.#isMessage || isContentField(field.name));
      this.#field = isWanted && !this.#fields.has(field.name) ? field.name : null;
      if (isWanted && this.#field !== null) this.#keep(this.#field, "", bytes, field.valueStart, to);
    }
  }

  #keep(name: KnownField, before: string, bytes: Buffer, from: number, to: number): void {
    this.#headerBudget -= to - from;
    if (this.#headerBudget >= 0) this.#fields.set(name, before + latin1(bytes, from, to));
    else this.#field = null;
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

  #delimit(index: number, text: string, line: Line): void {
    const at = this.#position;
    while (this.#open.length > index + 1) this.#close(at, this.#lineEnd);
    this.#inHeader = false;
    this.#advance(line);
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
    this.#fields = new Map();
    this.#field = null;
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
    const fields = this.#fields;
    for (const [name, raw] of fields) {
      const value = unfoldText(raw);
      if (value !== raw) fields.set(name, value);
    }
    readFields(part, fields, parent?.type === "multipart" && parent.subtype === "digest");
    if (part === this.#root) {
      this.#rootFields = fields;
      this.#headerBudget = this.#limits.maxHeaderBytes;
    } else if (this.#isMessage) part.envelope = envelopeOf(fields);
    this.#isMessage = false;
    const isDeep = this.#open.length > this.#limits.maxDepth || this.#parts >= this.#limits.maxParts;
    const isMessage = part.type === "message" && (part.subtype === "rfc822" || part.subtype === "global");
    if (!isMessage && part.type !== "multipart") return;
    if (isDeep) {
      part.type = "application";
      part.subtype = "octet-stream";
      part.parameters = [];
    } else if (isMessage) {
      part.message = this.#begin(at);
      this.#isMessage = true;
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

/** Length of `bytes` if there is none. */
function lineFeedIn(bytes: Buffer, from: number): number {
  const lf = bytes.indexOf(lineFeed, from);
  return lf === -1 ? bytes.length : lf;
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
