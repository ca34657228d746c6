/**
 * One message of an mbox: where it stands now, and what never changes of it. Shared by all entries that ever showed it; its place changes
 * when something in front of it grows or goes, so it may be looked at only under the mailbox's lock. What stands in its header is looked up
 * whenever it is needed (`layout.ts`): there may be very many messages.
 */
import { crc32 } from "node:zlib";
import type { ScannedMessage } from "postern/store";

const CRLF = 1;
/** Its `>From ` are not to be undone. */
const VERBATIM = 2;
/** It can be fetched by putting in line ends only. */
const UNQUOTED = 4;
const OLD = 8;
/** Above these bits: octets at its end that belong to nobody. */
const TAIL_SHIFT = 4;

export interface Traits {
  readonly isCrlf: boolean;
  readonly isVerbatim: boolean;
  readonly isUnquoted: boolean;
  readonly isOld: boolean;
  /** Octets at its end that belong to nobody: 0 to 3. */
  readonly tail: number;
}

const bitsOf = ({ isCrlf, isVerbatim, isUnquoted, isOld, tail }: Traits): number =>
  (isCrlf ? CRLF : 0) +
  (isVerbatim ? VERBATIM : 0) +
  (isUnquoted ? UNQUOTED : 0) +
  (isOld ? OLD : 0) +
  (tail << TAIL_SHIFT);

export class Message {
  readonly uid: number;
  /** Since 1970: an mbox knows no smaller unit. */
  readonly #seconds: number;
  /** As fetched. */
  sizeBytes: number;
  /** By which a repeated delivery is suspected, before its mark is read; 0: it has none. */
  readonly suspicion: number;
  /** Position of the From_ line. */
  start: number;
  /** Up to the next message. */
  length: number;
  #bits: number;

  private constructor(
    uid: number,
    facts: { internalDate: number; sizeBytes: number; suspicion: number },
    bits: number,
  ) {
    this.uid = uid;
    this.#seconds = Math.floor(facts.internalDate / 1000);
    this.sizeBytes = facts.sizeBytes;
    this.suspicion = facts.suspicion;
    this.start = 0;
    this.length = 0;
    this.#bits = bits;
  }

  static of(
    uid: number,
    facts: Traits & {
      readonly internalDate: number;
      readonly sizeBytes: number;
      readonly tag: string;
      readonly start: number;
      readonly length: number;
    },
  ): Message {
    const { internalDate, sizeBytes, tag } = facts;
    const message = new Message(uid, { internalDate, sizeBytes, suspicion: suspicionOf(tag) }, bitsOf(facts));
    message.start = facts.start;
    message.length = facts.length;
    return message;
  }

  static scanned(uid: number, { place, facts, internalDate, sizeBytes }: ScannedMessage): Message {
    const { start, length, end, isCrlf, isVerbatim, isUnquoted } = place;
    const { isOld, tag } = facts;
    const tail = length - end;
    return Message.of(uid, {
      start,
      length,
      tail,
      isCrlf,
      isVerbatim,
      isUnquoted,
      isOld,
      internalDate,
      sizeBytes,
      tag,
    });
  }

  /** `place` as `placeOf` writes it, behind what ends at `before`; `null` for what we would not have written. */
  static recalled(
    facts: { readonly uid: number; readonly internalDate: number; readonly sizeBytes: number; readonly place: string },
    before: number,
  ): Message | null {
    const { uid, internalDate, sizeBytes } = facts;
    const [gap, length, bits, suspicion] = numbersIn(facts.place);
    if (gap === undefined || !length || bits === undefined || suspicion === undefined) return null;
    const message = new Message(uid, { internalDate, sizeBytes, suspicion }, bits);
    message.start = before + gap;
    message.length = length;
    return message;
  }

  /** For the index: relative to the message in front of it, so that what happens there does not change it. */
  placeOf(before: number): string {
    return `${this.start - before} ${this.length} ${this.#bits} ${this.suspicion}`;
  }

  get internalDate(): number {
    return this.#seconds * 1000;
  }

  /** Behind its last octet, from `start` on. */
  get end(): number {
    return this.length - (this.#bits >> TAIL_SHIFT);
  }

  /** Where the next one would begin. */
  get behind(): number {
    return this.start + this.length;
  }

  get isCrlf(): boolean {
    return (this.#bits & CRLF) > 0;
  }

  get isUnquoted(): boolean {
    return (this.#bits & UNQUOTED) > 0;
  }

  /** Some session has been told of it as recent. */
  get isOld(): boolean {
    return (this.#bits & OLD) > 0;
  }

  grewOld(): void {
    this.#bits |= OLD;
  }

  /** A line end has been put behind it that is not its own. */
  ended(): void {
    this.length++;
    this.#bits += 1 << TAIL_SHIFT;
  }

  /** Stands where `other`, which is the same message, was found. */
  standAs(other: Message): void {
    this.start = other.start;
    this.length = other.length;
    this.#bits = other.#bits;
  }
}

export const suspicionOf = (tag: string): number => (tag === "" ? 0 : crc32(tag) | 0 || 1);

/** Whole numbers with one space between them. */
function numbersIn(text: string): readonly number[] {
  const found: number[] = [];
  let value = 0;
  let sign = 1;
  for (let at = 0; at <= text.length; at++) {
    const code = at < text.length ? text.charCodeAt(at) : 32;
    if (code === 45) sign = -1;
    else if (code === 32) {
      found.push(value * sign);
      value = 0;
      sign = 1;
    } else if (code >= 48 && code <= 57) value = value * 10 + code - 48;
    else return [];
  }
  return found;
}
