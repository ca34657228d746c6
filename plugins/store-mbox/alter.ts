/**
 * Brings the mailbox's own fields of messages to what they shall say, and takes messages out. What fits where it stands is written there,
 * and not a byte moves; else the rest of the file is written anew, through the journal.
 */

import { readSync } from "node:fs";
import { crc32 } from "node:zlib";
import { StoreError } from "postern/plugin";
import { Breather } from "postern/store";
import { type Piece, replace, type Step, writeAll } from "./journal.ts";
import { type Message, metaSpan, type Place } from "./message.ts";
import { formatFields, type MetaKind, type MetaLine, ownValue, refit, type Wanted } from "./meta-fields.ts";

export interface Alteration {
  readonly message: Message;
  /** `null`: it goes. */
  readonly wanted: Wanted | null;
}

export interface Altered {
  /** `[uid, by]`: from this message on, all stand so many octets further than before; of messages that are still there. */
  readonly moved: readonly (readonly [number, number])[];
  /** Messages whose fields were written anew, at other places. */
  readonly reshaped: readonly Message[];
}

export interface Site {
  readonly fd: number;
  readonly journal: string;
  readonly step?: (step: Step) => void;
}

interface Patch {
  readonly at: number;
  readonly bytes: Buffer;
}

/** Smaller than this, and not across its border, a write is all there or not at all after a power cut. */
const SECTOR = 512;
const OWN: readonly MetaKind[] = ["base", "pseudo", "uid", "status", "xstatus", "keywords", "tag"];

function bytesAt(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const count = readSync(fd, bytes, done, length - done, position + done);
    if (count === 0) throw new StoreError("unavailable", "The mailbox changed while it was read");
    done += count;
  }
  return bytes;
}

/** What its fields have as their checksum now. */
export function fieldsCrc(fd: number, place: Place): number {
  const span = metaSpan(place);
  return crc32(bytesAt(fd, place.start + span.at, span.length));
}

/** All alterations, ascending; `all` are the messages of the file, ascending. */
export async function alter(
  site: Site,
  alterations: readonly Alteration[],
  all: () => Iterable<Message>,
): Promise<Altered> {
  const patches = new Map<Message, readonly Patch[]>();
  const anew = new Map<Message, Wanted | null>();
  const breather = new Breather();
  for (const { message, wanted } of alterations) {
    const fitting = wanted === null ? null : patchesFor(site.fd, message, wanted);
    if (fitting) patches.set(message, fitting);
    else anew.set(message, wanted);
    if (breather.isDue) await breather.pause();
  }
  if (anew.size > 0) return rewrite(site, { anew, patches }, all);
  for (const [message, own] of patches) {
    await writePatches(site, own);
    message.crc = fieldsCrc(site.fd, message.place);
    if (breather.isDue) await breather.pause();
  }
  return { moved: [], reshaped: [] };
}

/** `null`: some value has no room. */
function patchesFor(fd: number, { place }: Message, wanted: Wanted): readonly Patch[] | null {
  const seen = new Set<MetaKind>();
  const patches: Patch[] = [];
  for (const { kind, at, length } of place.meta) {
    const value = ownValue(kind, wanted);
    if (value === null || seen.has(kind)) continue;
    seen.add(kind);
    const position = place.start + at;
    const field = bytesAt(fd, position, length).toString("latin1");
    const next = refit(field, kind, value);
    if (next === null) return null;
    if (next !== field) patches.push(difference(position, field, next));
  }
  for (const kind of OWN) if (!seen.has(kind) && ownValue(kind, wanted) !== "") return null;
  return patches;
}

/** Only what differs. */
function difference(position: number, before: string, after: string): Patch {
  let first = 0;
  while (before[first] === after[first]) first++;
  let last = before.length;
  while (last > first && before[last - 1] === after[last - 1]) last--;
  return { at: position + first, bytes: Buffer.from(after.slice(first, last), "latin1") };
}

async function writePatches({ fd, journal, step }: Site, patches: readonly Patch[]): Promise<void> {
  for (const { at, bytes } of patches) {
    const isWhole = Math.floor(at / SECTOR) === Math.floor((at + bytes.length - 1) / SECTOR);
    if (isWhole) writeAll(fd, bytes, at);
    else await replace(fd, journal, { at, oldLength: bytes.length, pieces: [bytes] }, step);
  }
}

/** Pieces of the new file; ranges that follow each other become one. */
class Pieces {
  readonly list: Piece[] = [];
  length = 0;

  copy(from: number, to: number): void {
    if (to <= from) return;
    const last = this.list.at(-1);
    this.length += to - from;
    if (last && !Buffer.isBuffer(last) && last.from + last.length === from) {
      this.list[this.list.length - 1] = { from: last.from, length: last.length + to - from };
    } else this.list.push({ from, length: to - from });
  }

  put(bytes: Buffer): void {
    this.length += bytes.length;
    if (bytes.length > 0) this.list.push(bytes);
  }

  copyWith(from: number, to: number, patches: readonly Patch[]): void {
    let at = from;
    for (const patch of patches.toSorted((a, b) => a.at - b.at)) {
      this.copy(at, patch.at);
      this.put(patch.bytes);
      at = patch.at + patch.bytes.length;
    }
    this.copy(at, to);
  }
}

async function rewrite(
  site: Site,
  how: { readonly anew: ReadonlyMap<Message, Wanted | null>; readonly patches: ReadonlyMap<Message, readonly Patch[]> },
  all: () => Iterable<Message>,
): Promise<Altered> {
  const pieces = new Pieces();
  const places = new Map<Message, Place>();
  const moved: [number, number][] = [];
  const reshaped: Message[] = [];
  let first = -1;
  let end = 0;
  let by = 0;
  for (const message of all()) {
    const { place } = message;
    const wanted = how.anew.get(message);
    if (wanted !== undefined && first < 0) first = place.start;
    if (first < 0) {
      await writePatches(site, how.patches.get(message) ?? []);
      continue;
    }
    end = place.start + place.length;
    const start = first + pieces.length;
    if (wanted === null) continue;
    if (start - place.start !== by) {
      by = start - place.start;
      moved.push([message.uid, by]);
    }
    if (wanted) {
      places.set(message, { ...headerAnew(site.fd, message, wanted, pieces), start });
      reshaped.push(message);
    } else {
      pieces.copyWith(place.start, end, how.patches.get(message) ?? []);
      places.set(message, start === place.start ? place : { ...place, start });
    }
  }
  await replace(site.fd, site.journal, { at: first, oldLength: end - first, pieces: pieces.list }, site.step);
  for (const [message, place] of places) message.place = place;
  for (const message of [...reshaped, ...how.patches.keys()]) message.crc = fieldsCrc(site.fd, message.place);
  // The index keeps differences between neighbours, each on top of those before.
  let sum = 0;
  const steps = moved.map(([uid, total]) => {
    const step = total - sum;
    sum = total;
    return [uid, step] as const;
  });
  return { moved: steps, reshaped };
}

/** The message with all its own fields at the end of its header, with room. */
function headerAnew(fd: number, message: Message, wanted: Wanted, pieces: Pieces): Place {
  const { place } = message;
  const before = pieces.length;
  const position = (at: number): number => place.start + at;
  const meta: MetaLine[] = [];
  let at = 0;
  for (const line of place.meta) {
    pieces.copy(position(at), position(line.at));
    if (line.kind === "length" || line.kind === "lines") {
      meta.push({ ...line, at: pieces.length - before });
      pieces.copy(position(line.at), position(line.at + line.length));
    }
    at = line.at + line.length;
  }
  pieces.copy(position(at), position(place.fields));
  const end = place.isCrlf ? "\r\n" : "\n";
  // One piece for all of them: there may be very many messages.
  let own = bytesAt(fd, position(place.fields) - 1, 1)[0] === 10 ? "" : end;
  const isFromLineCut = own !== "" && place.fields === place.header;
  const header = place.header + (isFromLineCut ? end.length : 0);
  // A field that was cut off gets the line end that it lacks; nobody has seen the message without.
  if (own !== "" && !isFromLineCut) message.sizeBytes += 2;
  for (const { kind, text } of fieldLines(wanted, end)) {
    meta.push({ kind, at: pieces.length - before + own.length, length: text.length });
    own += text;
  }
  pieces.put(Buffer.from(own, "latin1"));
  const fields = pieces.length - before;
  const by = fields - place.fields;
  pieces.copy(position(place.fields), position(place.length));
  return { ...place, header, meta, fields, body: place.body + by, end: place.end + by, length: place.length + by };
}

/** The fields that a message gets when they are written anew, in their order. */
export function fieldLines(wanted: Wanted, end = "\n"): readonly { readonly kind: MetaKind; readonly text: string }[] {
  const kinds = OWN.filter((kind) => {
    if (kind === "base" || kind === "pseudo") return wanted.base !== null && (kind === "pseudo") === wanted.isPseudo;
    return kind !== "tag" || wanted.tag !== "";
  });
  const texts = formatFields(wanted, end).split(/(?<=\n)/);
  return kinds.map((kind, index) => ({ kind, text: texts[index] ?? "" }));
}
