/**
 * One message of an mbox: where it stands now, and what never changes of it. Shared by all entries that ever showed it; its place changes
 * when something in front of it grows or goes, so it may be looked at only under the mailbox's lock.
 */
import type { MetaKind, MetaLine } from "./meta-fields.ts";

export interface Place {
  /** Position of the From_ line. All others count from there. */
  start: number;
  /** Behind the From_ line. */
  readonly header: number;
  /** Behind the last field: new ones go here. */
  readonly fields: number;
  readonly body: number;
  readonly end: number;
  /** Up to the next message. */
  readonly length: number;
  readonly isCrlf: boolean;
  /** Its `>From ` are not to be undone. */
  readonly isVerbatim: boolean;
  /** Whether it can be fetched by putting in line ends only. */
  readonly isUnquoted: boolean;
  readonly meta: readonly MetaLine[];
}

export class Message {
  readonly uid: number;
  readonly internalDate: number;
  sizeBytes: number;
  /** Of the delivery that brought it; mostly empty. */
  readonly tag: string;
  place: Place;
  isOld: boolean;
  /** Checksum of the octets of its own fields, to see whether another program has changed them. */
  crc: number;

  constructor(facts: Omit<Message, "place" | "row">, place: Place) {
    this.uid = facts.uid;
    this.internalDate = facts.internalDate;
    this.sizeBytes = facts.sizeBytes;
    this.tag = facts.tag;
    this.isOld = facts.isOld;
    this.crc = facts.crc;
    this.place = place;
  }
}

/** Where its own fields are, those of the message between them included; empty if it has none. */
export function metaSpan({ meta, fields }: Place): { readonly at: number; readonly length: number } {
  const first = meta[0];
  const last = meta.at(-1);
  return first && last ? { at: first.at, length: last.at + last.length - first.at } : { at: fields, length: 0 };
}

const KINDS: readonly MetaKind[] = ["base", "pseudo", "uid", "status", "xstatus", "keywords", "length", "lines", "tag"];

/** A message with its flags, as the index writes it. */
export type Row = readonly (number | string)[];

export function toRow(message: Message, flags: Iterable<string>, modseq: number): Row {
  const { place } = message;
  const bits =
    Number(place.isCrlf) + 2 * Number(place.isVerbatim) + 4 * Number(place.isUnquoted) + 8 * Number(message.isOld);
  const row: (number | string)[] = [
    message.uid,
    modseq,
    [...flags].join(" "),
    message.internalDate,
    message.sizeBytes,
    message.tag,
    message.crc,
    bits,
    place.start,
    place.header,
    place.fields,
    place.body,
    place.end,
    place.length,
  ];
  for (const { kind, at, length } of place.meta) row.push(KINDS.indexOf(kind), at, length);
  return row;
}

export interface ReadRow {
  readonly message: Message;
  readonly flags: readonly string[];
  readonly modseq: number;
}

export function fromRow(row: Row): ReadRow {
  const at = (index: number): number => Number(row[index]);
  const bits = at(7);
  const meta: MetaLine[] = [];
  for (let index = 14; index < row.length; index += 3) {
    meta.push({ kind: KINDS[at(index)] ?? "tag", at: at(index + 1), length: at(index + 2) });
  }
  const place: Place = {
    start: at(8),
    header: at(9),
    fields: at(10),
    body: at(11),
    end: at(12),
    length: at(13),
    isCrlf: (bits & 1) > 0,
    isVerbatim: (bits & 2) > 0,
    isUnquoted: (bits & 4) > 0,
    meta,
  };
  const facts = {
    uid: at(0),
    internalDate: at(3),
    sizeBytes: at(4),
    tag: String(row[5]),
    crc: at(6),
    isOld: (bits & 8) > 0,
  };
  return { message: new Message(facts, place), flags: wordsOf(String(row[2])), modseq: at(1) };
}

export const wordsOf = (text: string): readonly string[] => (text === "" ? [] : text.split(" "));
