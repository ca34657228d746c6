/**
 * Reads one message of an mbox: where it begins and ends, what its own fields say, how long it is as fetched. Memory is bounded
 * whatever the file holds. A From_ line begins a message wherever it stands, but where a Content-Length says otherwise and is right: at
 * its end there is a From_ line or the end of the file. The last line end in front of a From_ line, or of the end, belongs to nobody.
 */
import { MAX_FROM_LINE, parseFromLine } from "./from-line.ts";
import { factsOf, MAX_META_NAME, type MetaLine, metaKind } from "./meta-fields.ts";
import type { MessageLayout, MessagePlace, ScannedMessage } from "./place.ts";
import { MAX_MARKS, type MboxQuoting } from "./quoting.ts";
import type { FileWindow } from "./window.ts";

const LF = 10;
const CR = 13;
const F = 70;
const GREATER = 62;
/** So much of a line has to be seen to know what it is. */
export const LOOK_BYTES = 128 * 1024;
/** Longer fields are none of ours. */
const MAX_FIELD_BYTES = 32 * 1024;
/** First letters of all fields that count. */
const META_LETTERS: ReadonlySet<number> = new Set(Buffer.from("xXsScClL"));
/** Qpopper and others; it is a field of the message like any other. */
const X_UIDL = /^x-uidl:/i;
const MAX_ID_LINE = 128;
const MAX_META_LINES = 4_096;
const NO_META: readonly MetaLine[] = [];

export class MessageScan {
  readonly #window: FileWindow;
  readonly #start: number;
  readonly #quoting: MboxQuoting;
  readonly #meta: (MetaLine & { readonly text: string })[] = [];
  #at: number;
  #uniqueId = "";
  #isCrlf = false;
  #hidden = 0;
  #bareLf = 0;
  #quoted = 0;
  #hasBareFrom = false;
  /** Whether the last line that ended did so with a LF alone, for when it turns out to belong to nobody. */
  #isLastBare = false;
  #isLastEnded = false;

  constructor(window: FileWindow, start: number, quoting: MboxQuoting) {
    this.#window = window;
    this.#start = start;
    this.#at = start;
    this.#quoting = quoting;
  }

  /** What stands in front of the text, behind a From_ line. */
  async head(): Promise<MessageLayout & { readonly isWhole: boolean }> {
    if (this.#isBlind) await this.#see();
    this.#isCrlf = this.#endLine() === 2;
    const header = this.#at - this.#start;
    // The end of the From_ line itself is no line of the message.
    this.#bareLf = 0;
    this.#isLastEnded = false;
    const { fields, isWhole } = await this.#readHeader();
    const body = this.#at - this.#start;
    return { header, fields, body, isWhole, meta: this.#meta, facts: factsOf(this.#meta) };
  }

  /** `null`: no From_ line is here. */
  async run(): Promise<ScannedMessage | null> {
    if (this.#isBlind) await this.#see();
    const internalDate = this.#fromLineAt(this.#at);
    if (internalDate === null) return null;
    const head = await this.head();
    const { contentLength } = head.facts;
    if (!head.isWhole)
      await this.#readBody(contentLength === null ? -1 : await this.#trustedEnd(this.#at, contentLength));
    return this.#result({ ...head, internalDate });
  }

  /** Whether what comes next may be out of sight. Asked first: a promise for each line would cost more than reading it. */
  get #isBlind(): boolean {
    return !this.#window.has(this.#at, LOOK_BYTES);
  }

  #see(): Promise<void> {
    return this.#window.move(this.#at);
  }

  #byte(position: number): number | undefined {
    return this.#window.bytes[position - this.#window.base];
  }

  /** The date, if a From_ line begins here. */
  #fromLineAt(position: number): number | null {
    const { bytes, base, to } = this.#window;
    const at = position - base;
    if (bytes[at] !== F || bytes.toString("latin1", at, at + 5) !== "From ") return null;
    const lf = bytes.subarray(at, at + MAX_FROM_LINE + 2).indexOf(LF);
    // A line that is not finished is none yet: somebody may be writing it.
    if (lf < 0 && position + MAX_FROM_LINE + 2 < to) return null;
    return parseFromLine(bytes.toString("latin1", at, lf < 0 ? bytes.length : at + lf).trimEnd());
  }

  /** Steps over the rest of the line, as far as it is in the window. Answers the octets of its end; 0: it goes on. */
  #endLine(): number {
    const { bytes, base, end } = this.#window;
    const lf = bytes.indexOf(LF, this.#at - base);
    if (lf < 0) {
      this.#at = end;
      this.#isLastEnded = false;
      return 0;
    }
    this.#isLastBare = lf === 0 || bytes[lf - 1] !== CR;
    if (this.#isLastBare) this.#bareLf++;
    this.#isLastEnded = true;
    this.#at = base + lf + 1;
    return this.#isLastBare ? 1 : 2;
  }

  /** To the end of a line that is longer than the window. A CR at the end of one window counts for the LF at the beginning of the next. */
  async #skipRest(): Promise<void> {
    while (this.#at < this.#window.to) {
      await this.#window.move(Math.max(this.#at - 1, this.#start));
      if (this.#endLine() > 0) return;
    }
  }

  /** `isWhole`: the message ends with its header. */
  async #readHeader(): Promise<{ readonly fields: number; readonly isWhole: boolean }> {
    for (;;) {
      if (this.#isBlind) await this.#see();
      const fields = this.#at - this.#start;
      if (this.#at >= this.#window.to || this.#fromLineAt(this.#at) !== null) return { fields, isWhole: true };
      const blank =
        this.#byte(this.#at) === LF ? 1 : this.#byte(this.#at) === CR && this.#byte(this.#at + 1) === LF ? 2 : 0;
      if (blank > 0) {
        const behind = this.#at + blank;
        if (behind >= this.#window.to || (this.#fromLineAt(behind) !== null && !(await this.#hasBody(behind)))) {
          this.#at = behind;
          // Belongs to nobody; it was not counted.
          this.#isLastEnded = false;
          return { fields, isWhole: true };
        }
        this.#endLine();
        return { fields, isWhole: false };
      }
      if (!this.#readField()) await this.#skipRest();
    }
  }

  /** `false`: the line goes on behind the window. */
  #readField(): boolean {
    const { bytes, base } = this.#window;
    const at = this.#at;
    const isLikely = META_LETTERS.has(bytes[at - base] ?? 0);
    const start = isLikely ? bytes.toString("latin1", at - base, at - base + MAX_META_NAME + 1) : "";
    const kind = isLikely ? metaKind(start) : null;
    if (kind === null && X_UIDL.test(start) && this.#uniqueId === "")
      this.#uniqueId =
        bytes.toString("latin1", at - base + "X-UIDL:".length, at - base + MAX_ID_LINE).split("\n", 1)[0] ?? "";
    const isHidden =
      kind !== null && (kind !== "lines" || this.#isBehindLength(at)) && this.#meta.length < MAX_META_LINES;
    if (!isHidden) return this.#endLine() > 0;
    let end = at - base;
    do {
      const lf = bytes.indexOf(LF, end);
      end = lf < 0 ? bytes.length : lf + 1;
    } while ((bytes[end] === 32 || bytes[end] === 9) && end < bytes.length);
    if (end - (at - base) > MAX_FIELD_BYTES) return this.#endLine() > 0;
    const length = end - (at - base);
    this.#meta.push({ kind, at: at - this.#start, length, text: bytes.toString("latin1", at - base, end) });
    this.#at = at + length;
    this.#hidden += length;
    this.#isLastEnded = false;
    return true;
  }

  /** mutt writes Lines behind Content-Length; any other Lines belongs to the message. */
  #isBehindLength(position: number): boolean {
    const last = this.#meta.at(-1);
    return last?.kind === "length" && this.#start + last.at + last.length === position;
  }

  /** Whether a From_ line behind the header is the body's. */
  async #hasBody(position: number): Promise<boolean> {
    const { contentLength } = factsOf(this.#meta);
    return contentLength !== 0 && (await this.#trustedEnd(position, contentLength)) >= 0;
  }

  /** Where the body that begins at `position` ends, if its Content-Length is right; else -1. */
  async #trustedEnd(position: number, contentLength: number | null): Promise<number> {
    if (contentLength === null) return -1;
    const wanted = position + contentLength;
    if (wanted > this.#window.to) return -1;
    const bytes = await this.#window.probe(wanted, MAX_FROM_LINE + 4);
    if (bytes.length === 0) return wanted;
    const blank = bytes[0] === LF ? 1 : bytes[0] === CR && bytes[1] === LF ? 2 : 0;
    if (blank === bytes.length && blank > 0) return wanted;
    const line = bytes.toString("latin1", blank, bytes.length).split("\n", 1)[0] ?? "";
    return parseFromLine(line.trimEnd()) === null ? -1 : wanted;
  }

  async #readBody(trustedEnd: number): Promise<void> {
    const window = this.#window;
    while (this.#at < window.to) {
      if (this.#isBlind) await this.#see();
      const limit = window.end < window.to ? window.end - LOOK_BYTES : window.end;
      do {
        const first = this.#byte(this.#at);
        if (first === F && this.#isFrom(trustedEnd)) return;
        if (first === GREATER) this.#countQuoted();
        if (this.#endLine() === 0) {
          if (this.#at >= window.to) return;
          // A line longer than the window.
          await this.#skipRest();
          break;
        }
      } while (this.#at < limit);
    }
  }

  /** Whether the message ends here. */
  #isFrom(trustedEnd: number): boolean {
    const at = this.#at - this.#window.base;
    if (this.#window.bytes.toString("latin1", at, at + 5) !== "From ") return false;
    if (this.#at >= trustedEnd && this.#fromLineAt(this.#at) !== null) return true;
    this.#hasBareFrom = true;
    return false;
  }

  #countQuoted(): void {
    const { bytes, base } = this.#window;
    const first = this.#at - base;
    let at = first;
    while (bytes[at] === GREATER && at - first <= MAX_MARKS) at++;
    const marks = at - first;
    if (bytes[at] !== F || marks > MAX_MARKS || (this.#quoting === "mboxo" && marks > 1)) return;
    if (bytes.toString("latin1", at, at + 5) === "From ") this.#quoted++;
  }

  #result(found: MessageLayout & { readonly internalDate: number }): ScannedMessage {
    const length = this.#at - this.#start;
    const separator = this.#isLastEnded && length > found.body ? (this.#isCrlf && !this.#isLastBare ? 2 : 1) : 0;
    if (separator > 0 && this.#isLastBare) this.#bareLf--;
    const end = found.body === length ? found.fields : Math.max(length - separator, found.body);
    const isVerbatim = this.#quoting === "none" || this.#hasBareFrom;
    const quoted = isVerbatim ? 0 : this.#quoted;
    const meta = this.#meta.map(({ kind, at, length: octets }) => ({ kind, at, length: octets }));
    const place: MessagePlace = {
      start: this.#start,
      header: found.header,
      fields: found.fields,
      body: Math.min(found.body, end),
      end,
      length,
      isCrlf: this.#isCrlf,
      isVerbatim,
      isUnquoted: quoted === 0,
      meta: meta.length === 0 ? NO_META : meta,
    };
    const { facts, internalDate } = found;
    const sizeBytes = end - found.header - this.#hidden + this.#bareLf - quoted;
    return { place, facts, internalDate, sizeBytes, uniqueId: this.#uniqueId.trim() };
  }
}
