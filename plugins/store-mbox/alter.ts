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

/** What is to be written into a message, and the checksum of its fields afterwards. */
interface Patches {
  readonly list: readonly Patch[];
  readonly crc: number;
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
  const patches = new Map<Message, Patches>();
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
    message.crc = own.crc;
    if (breather.isDue) await breather.pause();
  }
  return { moved: [], reshaped: [] };
}

/** `null`: some value has no room. */
function patchesFor(fd: number, { place }: Message, wanted: Wanted): Patches | null {
  const seen = new Set<MetaKind>();
  const list: Patch[] = [];
  const span = metaSpan(place);
  const first = place.start + span.at;
  const bytes = bytesAt(fd, first, span.length);
  for (const { kind, at, length } of place.meta) {
    const value = ownValue(kind, wanted);
    if (value === null || seen.has(kind)) continue;
    seen.add(kind);
    const field = bytes.toString("latin1", at - span.at, at - span.at + length);
    const next = refit(field, kind, value);
    if (next === null) return null;
    if (next !== field) list.push(difference(place.start + at, field, next));
  }
  for (const kind of OWN) if (!seen.has(kind) && ownValue(kind, wanted) !== "") return null;
  for (const patch of list) patch.bytes.copy(bytes, patch.at - first);
  return { list, crc: crc32(bytes) };
}

/** Only what differs. */
function difference(position: number, before: string, after: string): Patch {
  let first = 0;
  while (before[first] === after[first]) first++;
  let last = before.length;
  while (last > first && before[last - 1] === after[last - 1]) last--;
  return { at: position + first, bytes: Buffer.from(after.slice(first, last), "latin1") };
}

async function writePatches({ fd, journal, step }: Site, { list }: Patches): Promise<void> {
  for (const { at, bytes } of list) {
    const isWhole = Math.floor(at / SECTOR) === Math.floor((at + bytes.length - 1) / SECTOR);
    if (isWhole) writeAll(fd, bytes, at);
    else await replace(fd, journal, { at, oldLength: bytes.length, pieces: [bytes] }, step);
  }
}

/** Pieces of the new file; ranges that follow each other become one. */
class Pieces {
  list: Piece[] = [];
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

  /** What is whole, and will not be asked for again. */
  *ready(): Generator<Piece> {
    const last = this.list.pop();
    yield* this.rest();
    if (last) this.list.push(last);
  }

  *rest(): Generator<Piece> {
    const { list } = this;
    this.list = [];
    yield* list;
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

interface Rewrite {
  readonly anew: ReadonlyMap<Message, Wanted | null>;
  readonly patches: ReadonlyMap<Message, Patches>;
}

/** How the messages stand after a rewrite. */
class NewPlaces {
  readonly places = new Map<Message, Place>();
  readonly moved: (readonly [number, number])[] = [];
  /** Checksums that need not be looked up. */
  readonly sums = new Map<Message, number>();
  #by = 0;

  /** The index keeps differences between neighbours, each on top of those before. */
  stand({ uid, place }: Message, start: number): void {
    const by = start - place.start;
    if (by !== this.#by) this.moved.push([uid, by - this.#by]);
    this.#by = by;
  }
}

async function rewrite(site: Site, how: Rewrite, all: () => Iterable<Message>): Promise<Altered> {
  let first = -1;
  let end = 0;
  for (const message of all()) {
    if (first < 0 && how.anew.has(message)) first = message.place.start;
    const own = first < 0 ? how.patches.get(message) : undefined;
    if (own) await writePatches(site, own);
    end = message.place.start + message.place.length;
  }
  const after = new NewPlaces();
  const pieces = piecesOf({ fd: site.fd, first }, how, { all: all(), after });
  await replace(site.fd, site.journal, { at: first, oldLength: end - first, pieces }, site.step);
  for (const [message, place] of after.places) message.place = place;
  const reshaped = [...how.anew].flatMap(([message, wanted]) => (wanted ? [message] : []));
  for (const message of reshaped) message.crc = after.sums.get(message) ?? fieldsCrc(site.fd, message.place);
  for (const [message, { crc }] of how.patches) message.crc = crc;
  return { moved: after.moved, reshaped };
}

/** The new octets from the first message on that has to be written anew: made as they are written, as there may be very many. */
function* piecesOf(
  { fd, first }: { readonly fd: number; readonly first: number },
  { anew, patches }: Rewrite,
  { all, after }: { readonly all: Iterable<Message>; readonly after: NewPlaces },
): Generator<Piece> {
  const pieces = new Pieces();
  for (const message of all) {
    const { place } = message;
    if (place.start < first) continue;
    const wanted = anew.get(message);
    if (wanted === null) continue;
    const start = first + pieces.length;
    after.stand(message, start);
    if (wanted) after.places.set(message, { ...headerAnew(fd, message, { wanted, pieces, sums: after.sums }), start });
    else {
      pieces.copyWith(place.start, place.start + place.length, patches.get(message)?.list ?? []);
      if (start !== place.start) after.places.set(message, { ...place, start });
    }
    yield* pieces.ready();
  }
  yield* pieces.rest();
}

/** The message with all its own fields at the end of its header, with room. */
function headerAnew(
  fd: number,
  message: Message,
  { wanted, pieces, sums }: { readonly wanted: Wanted; readonly pieces: Pieces; readonly sums: Map<Message, number> },
): Place {
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
  const isEnded = place.body > place.fields || bytesAt(fd, position(place.fields) - 1, 1)[0] === 10;
  let own = isEnded ? "" : end;
  const isFromLineCut = own !== "" && place.fields === place.header;
  const header = place.header + (isFromLineCut ? end.length : 0);
  // A field that was cut off gets the line end that it lacks; nobody has seen the message without.
  if (own !== "" && !isFromLineCut) message.sizeBytes += 2;
  for (const { kind, text } of fieldLines(wanted, end)) {
    meta.push({ kind, at: pieces.length - before + own.length, length: text.length });
    own += text;
  }
  const bytes = Buffer.from(own, "latin1");
  if (isEnded && meta.every(({ at }) => at >= pieces.length - before)) sums.set(message, crc32(bytes));
  pieces.put(bytes);
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
