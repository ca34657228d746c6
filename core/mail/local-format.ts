/**
 * A message as programs and files of this machine want it: bare line feeds, `From ` at the beginning of lines quoted for mbox, fields that
 * came along and that final delivery writes anew left out. A stream in, a stream out, in constant memory. Rejects as the source does.
 */
import { safeText } from "./header.ts";

export interface LocalFormat {
  readonly lineEnd: "lf" | "crlf";
  /** `From ` behind any number of `>` gets one more: what was there can be had back. */
  readonly quotesFrom: boolean;
  /** Names of fields that are left out, in lower case. */
  readonly without: readonly string[];
}

const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const GREATER = 62;
const FROM = Buffer.from("From ");
const NAME_LIMIT = 78;
const COLON = 58;

export async function* inLocalFormat(
  content: AsyncIterable<Uint8Array>,
  format: LocalFormat,
): AsyncGenerator<Uint8Array> {
  const writer = new LocalWriter(format);
  for await (const piece of content) {
    const out = writer.write(piece);
    if (out.length > 0) yield out;
  }
  const rest = writer.end();
  if (rest.length > 0) yield rest;
}

class LocalWriter {
  readonly #format: LocalFormat;
  #isInHeader = true;
  /** The field that is being read is left out. */
  #isLeftOut = false;
  /** The beginning of a line of which it is not known yet what it is; `null`: known. */
  #start: number[] | null = [];
  #hasCr = false;
  #out: Buffer = Buffer.alloc(0);
  #length = 0;

  constructor(format: LocalFormat) {
    this.#format = format;
  }

  write(piece: Uint8Array): Uint8Array {
    // A line feed may become two octets, and each line may get one more.
    this.#begin(piece.length * 2);
    let at = 0;
    while (at < piece.length) {
      if (this.#start === null && !this.#hasCr) {
        const end = plainEnd(piece, at);
        if (!this.#isLeftOut) this.#copy(piece.subarray(at, end));
        at = end;
        if (at === piece.length) break;
      }
      this.#octet(piece[at] ?? 0);
      at += 1;
    }
    return this.#out.subarray(0, this.#length);
  }

  end(): Uint8Array {
    this.#begin(0);
    if (this.#hasCr) this.#inLine(CR);
    if (this.#start !== null) this.#known();
    return this.#out.subarray(0, this.#length);
  }

  #begin(size: number): void {
    this.#out = Buffer.allocUnsafe(size + (this.#start?.length ?? 0) + 16);
    this.#length = 0;
  }

  #octet(octet: number): void {
    if (this.#hasCr) {
      this.#hasCr = false;
      if (octet !== LF) this.#inLine(CR);
    }
    if (octet === CR) this.#hasCr = true;
    else if (octet === LF) this.#endLine();
    else this.#inLine(octet);
  }

  #inLine(octet: number): void {
    if (this.#start === null) {
      if (!this.#isLeftOut) this.#push(octet);
      return;
    }
    this.#start.push(octet);
    if (this.#isInHeader ? this.#isNameKnown(octet) : this.#isFromKnown(octet)) this.#known();
  }

  #isNameKnown(octet: number): boolean {
    const { length } = this.#start ?? [];
    return octet === COLON || length > NAME_LIMIT || (length === 1 && (octet === SPACE || octet === TAB));
  }

  #isFromKnown(octet: number): boolean {
    if (!this.#format.quotesFrom) return true;
    const start = this.#start ?? [];
    if (start.length === 1 && octet === GREATER) {
      // However many there are: one more stands as well in front of the last as of the first.
      this.#push(octet);
      start.pop();
      return false;
    }
    return octet !== FROM[start.length - 1] || start.length === FROM.length;
  }

  /** What the line is can be told from its beginning. */
  #known(): void {
    const start = Buffer.from(this.#start ?? []);
    this.#start = null;
    if (this.#isInHeader) {
      const isFolded = start[0] === SPACE || start[0] === TAB;
      if (!isFolded) {
        const name = start
          .toString("latin1")
          .replace(/[ \t]*:$/, "")
          .toLowerCase();
        this.#isLeftOut = start.at(-1) === COLON && this.#format.without.includes(name);
      }
    } else if (this.#format.quotesFrom && start.equals(FROM)) this.#push(GREATER);
    if (!this.#isLeftOut) this.#copy(start);
  }

  #endLine(): void {
    if (this.#isInHeader && this.#start?.length === 0) {
      this.#isInHeader = false;
      this.#isLeftOut = false;
    }
    if (this.#start !== null) this.#known();
    if (!this.#isLeftOut) {
      if (this.#format.lineEnd === "crlf") this.#push(CR);
      this.#push(LF);
    }
    this.#start = [];
  }

  #push(octet: number): void {
    this.#out[this.#length] = octet;
    this.#length += 1;
  }

  #copy(octets: Uint8Array): void {
    this.#out.set(octets, this.#length);
    this.#length += octets.length;
  }
}

/** Where the next CR or LF stands. */
function plainEnd(piece: Uint8Array, from: number): number {
  let at = from;
  while (at < piece.length && piece[at] !== LF && piece[at] !== CR) at += 1;
  return at;
}

export interface LocalMessage extends LocalFormat {
  /** As `mboxFromLine` makes it; `null`: none. */
  readonly fromLine: string | null;
  /** What stands in front of the message, in this order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** A whole message with what final delivery puts in front of it, and behind it the empty line that mbox asks for. */
export async function* localMessage(content: AsyncIterable<Uint8Array>, how: LocalMessage): AsyncGenerator<Uint8Array> {
  const end = how.lineEnd === "crlf" ? "\r\n" : "\n";
  const fields = how.fields.map(([name, value]) => `${name}: ${safeText(value)}`);
  const lines = how.fromLine === null ? fields : [how.fromLine, ...fields];
  if (lines.length > 0) yield Buffer.from(lines.map((line) => `${line}${end}`).join(""));
  yield* inLocalFormat(content, how);
  if (how.fromLine !== null) yield Buffer.from(end);
}

/** `From bob@example.net Fri Jan  2 03:04:05 2026`, in UTC (RFC 4155, the default format). */
export function mboxFromLine(sender: string, nowMs: number): string {
  const [, day, date = "", month, year, time] =
    /^(\w+), (\d+) (\w+) (\d+) (\S+)/.exec(new Date(nowMs).toUTCString()) ?? [];
  return `From ${safeText(sender).replaceAll(" ", "_")} ${day} ${month} ${date.replace(/^0/, " ")} ${time} ${year}`;
}
