/**
 * Empties the oldest journal segment: messages that are only there get files of their own, outcomes that are only there are
 * appended to the files of their messages. Rejects when a file cannot be written; nothing is lost then, the segment stays.
 */
import type { SpoolOutcome } from "../contracts/spool.ts";
import { isDamage } from "./bodies.ts";
import type { Brief } from "./brief.ts";
import type { Catalogue } from "./catalogue.ts";
import type { DeferredFiles } from "./deferred-files.ts";
import type { Entry, Hold, Place, Schedule } from "./entry.ts";
import { errorCode, isMissing } from "./errors.ts";
import { type DeferredName, neverDue, segmentFileName } from "./layout.ts";
import { briefAt, type ReadingInit, setAside } from "./reading.ts";
import { readHeader, readPayload, reprepareRecord } from "./record.ts";
import { holdRecord, rescheduleRecord, settleRecord } from "./saved-records.ts";
import type { Segment } from "./segment.ts";

export interface FileKeeping {
  readonly deferred: DeferredFiles;
  readonly catalogue: Catalogue;
}

export interface EmptyingInit extends FileKeeping, ReadingInit {
  readonly now: () => number;
}

interface Copy {
  readonly entry: Entry;
  readonly name: DeferredName;
  readonly usedBytes: number;
  readonly outcomes: ReadonlyMap<number, SpoolOutcome>;
  readonly schedule: Schedule | null;
  readonly hold: Hold | null;
  readonly brief: Brief;
}

/** Flushes that run side by side share the file system's commits. */
const atOnce = 4;

export class SegmentEmptying {
  readonly #init: EmptyingInit;
  /** Copies that must not stay: their messages are still the journal's. */
  readonly #leftovers: DeferredName[] = [];

  constructor(init: EmptyingInit) {
    this.#init = init;
  }

  async empty(segment: Segment): Promise<void> {
    const { deferred } = this.#init;
    await this.#clearLeftovers();
    const copies: Copy[] = [];
    try {
      await eachOf([...segment.pins], (entry) => entry.inTurn(() => this.#save(entry, segment, copies)));
      await deferred.flushNames();
    } catch (error) {
      for (const { entry, name } of copies) {
        entry.isCopying = false;
        this.#leftovers.push(name);
      }
      throw error;
    }
    for (const copy of copies) this.#handOver(copy, segment);
    await eachOf(copies, (copy) => copy.entry.inTurn(() => this.#catchUp(copy)));
    await deferred.flushNames();
    await deferred.removeEmptied(this.#init.now());
  }

  async #clearLeftovers(): Promise<void> {
    for (let name = this.#leftovers.at(-1); name; name = this.#leftovers.at(-1)) {
      await this.#init.deferred.remove(name);
      this.#leftovers.pop();
    }
  }

  async #save(entry: Entry, segment: Segment, copies: Copy[]): Promise<void> {
    const { place } = entry;
    if (place.at === "file") await this.#saveFacts(entry, place, segment);
    else if (!entry.isRemoved && place.segment === segment) await this.#copyOut(entry, place, copies);
    else entry.unpin(segment);
  }

  /** The message has a file already: append what it lacks; unlink it for good if the message is done. */
  async #saveFacts(entry: Entry, place: Place & { at: "file" }, segment: Segment): Promise<void> {
    if (entry.isRemoved) await this.#init.deferred.remove(place.name);
    else if (entry.hasUnsaved) await this.#appendFacts(entry, place);
    entry.unpin(segment);
  }

  /** A file that cannot take them because it is damaged, or because somebody has removed it, must not keep the segment for ever. */
  async #appendFacts(entry: Entry, place: Place & { at: "file" }): Promise<void> {
    const { deferred, catalogue } = this.#init;
    const { hold } = entry;
    const outcomes = new Map(entry.outcomes);
    const records = [...settleRecords(entry.id, outcomes), ...holdRecords(entry.id, hold)];
    await catalogue.forget(place.name);
    let usedBytes: number;
    try {
      usedBytes = await deferred.append(place.name, place.usedBytes, records, "flushed");
    } catch (error) {
      if (!isDamage(error) && !isMissing(error)) throw error;
      await setAside(this.#init, entry, error);
      return;
    }
    entry.place = { ...place, usedBytes };
    await renamed(deferred, entry);
    entry.saved(outcomes, hold);
    catalogued(catalogue, entry);
  }

  async #copyOut(entry: Entry, place: Place & { at: "journal" }, copies: Copy[]): Promise<void> {
    const { segment, offset, sizeBytes } = place;
    const bytes = await segment.read(offset, sizeBytes);
    const header = readHeader(bytes, 0, segment.name.nonce, offset);
    const payload = header && readPayload(bytes, 0, header);
    const brief = payload?.content ? briefAt(entry, bytes) : null;
    if (!header || !brief) {
      await this.#setAside(entry, place, bytes);
      return;
    }
    const outcomes = new Map(entry.outcomes);
    const { schedule, hold } = entry;
    const name: DeferredName = { dueAt: entry.dueAt, id: entry.id };
    const records = [
      reprepareRecord(header, bytes),
      ...settleRecords(entry.id, outcomes),
      ...holdRecords(entry.id, hold),
    ];
    if (schedule) records.push(rescheduleRecord(entry.id, schedule));
    this.#leftovers.push(name);
    entry.isCopying = true;
    const usedBytes = await this.#create(name, records);
    this.#leftovers.splice(this.#leftovers.indexOf(name), 1);
    copies.push({ entry, name, usedBytes, outcomes, schedule, hold, brief });
  }

  async #create(name: DeferredName, records: Parameters<DeferredFiles["create"]>[1]): Promise<number> {
    const { deferred } = this.#init;
    try {
      return await deferred.create(name, records);
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
      await deferred.remove(name);
      return deferred.create(name, records);
    }
  }

  async #setAside(entry: Entry, { segment, offset }: Place & { at: "journal" }, bytes: Buffer): Promise<void> {
    const { ledger, damaged } = this.#init;
    const name = `${segmentFileName(segment.name)}.${offset}`;
    await damaged.keepBytes(bytes, { name, id: entry.id, wasDurable: true });
    ledger.drop(entry);
    entry.unpinAll();
  }

  /** From here on the file is the message. */
  #handOver({ entry, name, usedBytes, outcomes, hold, brief }: Copy, segment: Segment): void {
    entry.place = { at: "file", name, usedBytes };
    entry.isCopying = false;
    entry.saved(outcomes, hold);
    entry.unpin(segment);
    if (!entry.hasUnsaved) entry.unpinAll();
    this.#init.ledger.isFiled(entry);
    if (entry.isRemoved) return;
    entry.keepBrief(brief);
    this.#init.catalogue.put(name, brief);
  }

  /** What has happened to the message while its file was written. */
  async #catchUp({ entry, schedule, hold }: Copy): Promise<void> {
    if (entry.place.at !== "file") return;
    if (entry.isRemoved) {
      await this.#init.deferred.remove(entry.place.name);
    } else if (entry.schedule !== schedule || entry.hold !== hold) {
      await refile(this.#init, entry);
    } else entry.isScheduleUnsaved = false;
  }
}

/** Writes an entry's schedule and hold into its file and its due time into the file's name. Call it in the entry's turn. */
export async function refile({ deferred, catalogue }: FileKeeping, entry: Entry): Promise<void> {
  const { id, place, schedule, hold } = entry;
  if (place.at !== "file" || entry.isRemoved) return;
  const records = [...holdRecords(id, hold), ...(schedule ? [rescheduleRecord(id, schedule)] : [])];
  // A name that the message may have had before must not find what was said of it then.
  const isAgain = entry.dueAt === place.name.dueAt || entry.dueAt === 0 || entry.dueAt === neverDue;
  if (isAgain) await catalogue.forget({ dueAt: entry.dueAt, id });
  const usedBytes = await deferred.append(place.name, place.usedBytes, records, "buffered");
  entry.place = { ...place, usedBytes };
  await renamed(deferred, entry);
  if (entry.schedule === schedule) entry.isScheduleUnsaved = false;
  catalogued(catalogue, entry);
}

function catalogued(catalogue: Catalogue, entry: Entry): void {
  const brief = entry.presentBrief;
  if (brief && entry.place.at === "file") catalogue.put(entry.place.name, brief);
}

async function renamed(deferred: DeferredFiles, entry: Entry): Promise<void> {
  const { id, place, dueAt } = entry;
  if (place.at !== "file" || place.name.dueAt === dueAt) return;
  const to: DeferredName = { dueAt, id };
  await deferred.rename(place.name, to);
  entry.place = { ...place, name: to };
}

const settleRecords = (id: string, outcomes: ReadonlyMap<number, SpoolOutcome>) =>
  [...outcomes].map(([recipientId, outcome]) => settleRecord(id, recipientId, outcome));

const holdRecords = (id: string, hold: Hold | null) => (hold ? [holdRecord(id, hold.reason)] : []);

/** A few at a time; the first failure ends it, after what runs has ended. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | null = null;
  const lane = async () => {
    for (const item of queue) {
      if (failure) return;
      try {
        await work(item);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  if (failure) throw (failure as { readonly error: unknown }).error;
}
