/**
 * Brings the mailbox's own fields of messages to what they shall say, and takes messages out. What fits where it stands is written there,
 * and not a byte moves; from the first on that does not fit, the rest of the file is written anew, through the journal.
 */

import { readSync } from "node:fs";
import { StoreError } from "postern/plugin";
import {
  Breather,
  formatMeta,
  layoutOf,
  type MessageLayout,
  type MetaKind,
  metaSpan,
  metaValue,
  refitField,
  type WantedMeta,
} from "postern/store";
import { type Piece, replace, type Step, writeAll } from "./journal.ts";
import type { Message } from "./message.ts";

/** What shall stand in a message's fields; `null`: it goes. The mark of its delivery stays. */
export type Wish = Omit<WantedMeta, "tag"> | null;

export interface Site {
  readonly fd: number;
  readonly journal: string;
  readonly step?: (step: Step) => void;
}

export interface Altering {
  /** Ascending. */
  readonly messages: readonly Message[];
  /** Asked for when it is needed, as there may be very many. */
  readonly wish: (message: Message) => Wish;
  /** All messages of the file, ascending. */
  readonly all: () => Iterable<Message>;
}

interface Patch {
  readonly at: number;
  readonly bytes: Buffer;
}

/** Smaller than this, and not across its border, a write is all there or not at all after a power cut. */
const SECTOR = 512;
const OWN: readonly MetaKind[] = ["base", "pseudo", "uid", "status", "xstatus", "keywords", "tag"];

const changed = (): StoreError => new StoreError("unavailable", "The mailbox changed while it was read");

function bytesAt(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const count = readSync(fd, bytes, done, length - done, position + done);
    if (count === 0) throw changed();
    done += count;
  }
  return bytes;
}

async function layoutIn(fd: number, message: Message): Promise<MessageLayout> {
  const layout = await layoutOf(fd, message);
  if (!layout) throw changed();
  return layout;
}

/** Answers messages that are longer or shorter now, and those in front of which something has gone that belonged to none. */
export async function alter(site: Site, { messages, wish, all }: Altering): Promise<readonly Message[]> {
  const breather = new Breather();
  for (const [index, message] of messages.entries()) {
    const wanted = wish(message);
    const patches = wanted && patchesFor(site.fd, message, { wanted, layout: await layoutIn(site.fd, message) });
    // All behind it move anyway.
    if (!patches) return rewrite(site, { messages: messages.slice(index), wish, all });
    await writePatches(site, patches);
    if (breather.isDue) await breather.pause();
  }
  return [];
}

/** `null`: some value has no room. */
function patchesFor(
  fd: number,
  { start }: Message,
  { wanted, layout }: { readonly wanted: NonNullable<Wish>; readonly layout: MessageLayout },
): readonly Patch[] | null {
  const whole = { ...wanted, tag: layout.facts.tag };
  const seen = new Set<MetaKind>();
  const list: Patch[] = [];
  const span = metaSpan(layout);
  const bytes = bytesAt(fd, start + span.at, span.length);
  for (const { kind, at, length } of layout.meta) {
    const value = metaValue(kind, whole);
    if (value === null || seen.has(kind)) continue;
    seen.add(kind);
    const field = bytes.toString("latin1", at - span.at, at - span.at + length);
    const next = refitField(field, kind, value);
    if (next === null) return null;
    if (next !== field) list.push(difference(start + at, field, next));
  }
  for (const kind of OWN) if (!seen.has(kind) && metaValue(kind, whole) !== "") return null;
  return list;
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
}

interface Rewrite {
  readonly fd: number;
  readonly first: number;
  readonly anew: ReadonlySet<Message>;
  readonly wish: (message: Message) => Wish;
  readonly all: () => Iterable<Message>;
  /** By how much messages grew, in the order of the file; 0 for those that stay as they are. */
  readonly grown: number[];
  /** Of which a line end that was missing is now shown. */
  readonly ended: Set<Message>;
}

async function rewrite(site: Site, { messages, wish, all }: Altering): Promise<readonly Message[]> {
  const anew = new Set(messages);
  const first = messages[0]?.start ?? 0;
  let end = first;
  for (const { behind } of all()) end = behind;
  const { fd } = site;
  const how: Rewrite = { ...{ fd, first, anew, wish, all }, grown: [], ended: new Set() };
  await replace(fd, site.journal, { at: first, oldLength: end - first, pieces: piecesOf(how) }, site.step);
  return settled(how);
}

/** Lets messages stand where they do now. Answers those whose record is another. */
function settled({ first, anew, wish, all, grown, ended }: Rewrite): readonly Message[] {
  const touched: Message[] = [];
  let before = 0;
  let oldBefore = 0;
  let at = first;
  let index = 0;
  for (const message of all()) {
    const gap = message.start - oldBefore;
    oldBefore = message.behind;
    if (message.start < first) {
      before = message.behind;
      continue;
    }
    if (anew.has(message) && wish(message) === null) continue;
    const by = grown[index++] ?? 0;
    message.start = at;
    message.length += by;
    if (ended.has(message)) message.sizeBytes += 2;
    if (by !== 0 || at - before !== gap || ended.has(message)) touched.push(message);
    before = at = message.behind;
  }
  return touched;
}

/** The new octets from the first message on that has to be written anew: made as they are written, as there may be very many. */
async function* piecesOf(how: Rewrite): AsyncGenerator<Piece> {
  const pieces = new Pieces();
  for (const message of how.all()) {
    if (message.start < how.first) continue;
    const isAnew = how.anew.has(message);
    const wanted = isAnew ? how.wish(message) : null;
    if (isAnew && wanted === null) continue;
    if (wanted) how.grown.push(await headerAnew(how, message, { wanted, pieces }));
    else {
      pieces.copy(message.start, message.behind);
      how.grown.push(0);
    }
    yield* pieces.ready();
  }
  yield* pieces.rest();
}

/** The message with all its own fields at the end of its header, with room. Answers by how much it grew. */
async function headerAnew(
  { fd, ended }: Rewrite,
  message: Message,
  { wanted, pieces }: { readonly wanted: NonNullable<Wish>; readonly pieces: Pieces },
): Promise<number> {
  const layout = await layoutIn(fd, message);
  const before = pieces.length;
  const position = (at: number): number => message.start + at;
  let at = 0;
  for (const line of layout.meta) {
    pieces.copy(position(at), position(line.at));
    if (line.kind === "length" || line.kind === "lines")
      pieces.copy(position(line.at), position(line.at + line.length));
    at = line.at + line.length;
  }
  pieces.copy(position(at), position(layout.fields));
  const end = message.isCrlf ? "\r\n" : "\n";
  const isEnded = layout.body > layout.fields || bytesAt(fd, position(layout.fields) - 1, 1)[0] === 10;
  // A field that was cut off gets the line end that it lacks; nobody has seen the message without.
  if (!isEnded && layout.fields > layout.header) ended.add(message);
  // One piece for all of them: there may be very many messages.
  const own = (isEnded ? "" : end) + formatMeta({ ...wanted, tag: layout.facts.tag }, end);
  pieces.put(Buffer.from(own, "latin1"));
  pieces.copy(position(layout.fields), position(message.length));
  return pieces.length - before - message.length;
}
