/**
 * Tells of everything that waits: first what is in the journal, then what the catalogue knows, then what only a file can tell; each
 * message once, also where it moves meanwhile. What cannot be read is set aside like anywhere, or left out and counted in the log.
 */
import type { Log } from "../contracts/log.ts";
import type { SpoolSummary } from "../contracts/spool.ts";
import { type Brief, summaryOf, updated } from "./brief.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Entry } from "./entry.ts";
import { IdTable } from "./id-table.ts";
import { journalBriefs } from "./journal-briefs.ts";
import { type ReadingInit, readBrief } from "./reading.ts";

export interface ListingInit extends ReadingInit {
  readonly catalogue: Catalogue;
  readonly log: Log;
}

const filesAtOnce = 16;
const isTold = 1;
/** The catalogue says that what it said before does not hold. */
const isToBeRead = 0;

export async function* listWaiting(init: ListingInit): AsyncIterable<readonly SpoolSummary[]> {
  const listing = new Listing(init);
  try {
    yield* listing.summaries();
  } finally {
    listing.end();
  }
}

class Listing {
  readonly #init: ListingInit;
  readonly #told = new IdTable();
  readonly #watch: ReturnType<ReadingInit["deferred"]["watch"]>;
  #unread = 0;
  /** Messages with files that have not been told of. */
  #missing = 0;

  constructor(init: ListingInit) {
    this.#init = init;
    this.#watch = init.deferred.watch();
  }

  end(): void {
    this.#watch.end();
    if (this.#unread > 0) this.#init.log.warn({ messages: this.#unread }, "spool: a list lacks what could not be read");
  }

  async *summaries(): AsyncIterable<readonly SpoolSummary[]> {
    yield* this.#fromJournal();
    yield* this.#fromCatalogue();
    const { deferred } = this.#init;
    if (this.#missing > 0 || this.#watch.changed.size > 0) {
      for (const bucket of await deferred.buckets()) {
        for await (const names of deferred.namesIn(bucket)) yield* this.#fromFiles(names.map(({ id }) => id));
      }
      // A name may have moved from where nobody had looked to where somebody had.
      yield* this.#fromFiles([...this.#watch.changed]);
    }
  }

  async *#fromJournal(): AsyncIterable<readonly SpoolSummary[]> {
    const { ledger } = this.#init;
    for await (const found of journalBriefs([...ledger.entries.values()])) {
      const summaries: SpoolSummary[] = [];
      for (const [entry, there] of found) {
        // It may have left the journal meanwhile.
        const brief = there ?? entry.presentBrief ?? (await this.#read(entry));
        if (brief && !entry.isRemoved) summaries.push(this.#tell(brief, entry.dueAt));
      }
      yield summaries;
    }
  }

  async *#fromCatalogue(): AsyncIterable<readonly SpoolSummary[]> {
    const { ledger, catalogue } = this.#init;
    const { filed, entries } = ledger;
    const told = this.#told;
    this.#missing = filed.size;
    for await (const lines of catalogue.newestFirst(({ id, dueAt }) => filed.get(id) === dueAt)) {
      const summaries: SpoolSummary[] = [];
      for (const { name, brief: written } of lines) {
        if (told.get(name.id) !== null) continue;
        const known = entries.get(name.id);
        const brief = written && known ? updated(written, known) : written;
        if (brief) {
          this.#missing -= 1;
          summaries.push(this.#tell(brief, known?.dueAt ?? name.dueAt));
        } else told.set(name.id, isToBeRead);
      }
      yield summaries;
    }
  }

  async *#fromFiles(ids: readonly string[]): AsyncIterable<readonly SpoolSummary[]> {
    const { ledger } = this.#init;
    const left = ids.filter((id) => this.#told.get(id) !== isTold && ledger.filed.get(id) !== null);
    for (let from = 0; from < left.length; from += filesAtOnce) {
      const some = left.slice(from, from + filesAtOnce).flatMap((id) => ledger.meet(id) ?? []);
      const summaries: SpoolSummary[] = [];
      const read = await Promise.all(some.map(async (entry) => [entry, await this.#read(entry)] as const));
      for (const [entry, brief] of read) {
        if (!brief || entry.isRemoved || this.#told.get(entry.id) === isTold) continue;
        summaries.push(this.#tell(brief, entry.dueAt));
      }
      yield summaries;
    }
  }

  #tell(brief: Brief, dueAt: number): SpoolSummary {
    this.#told.set(brief.id, isTold);
    return summaryOf(brief, dueAt);
  }

  /** From its file, and into the catalogue. */
  async #read(entry: Entry): Promise<Brief | null> {
    try {
      const brief = await readBrief(this.#init, entry);
      const { place } = entry;
      if (brief && place.at === "file" && !entry.isRemoved) this.#init.catalogue.put(place.name, brief);
      return brief;
    } catch {
      // It has been set aside and logged, or the disk failed: a list is no place to fail for one message.
      this.#unread += 1;
      return null;
    }
  }
}
