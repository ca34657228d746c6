/**
 * Queue runs for single domains (ETRN): which of the waiting messages have somebody there who has not got theirs yet. What waits
 * is known by its ids at the most, so it is read back from the spool, a few messages at a time. However often a client asks, there is
 * one run at a time: what is asked for meanwhile is looked for together in the next. A message that cannot be read is logged and
 * left to its own time. Rejects where too many domains are asked for at once.
 */
import type { Log } from "../contracts/log.ts";
import type { Spool, SpoolEntry } from "../contracts/spool.ts";
import { inParallel } from "./in-parallel.ts";
import { isFinal } from "./job.ts";

export interface QueueRunsRoom {
  readonly spool: Pick<Spool, "read" | "recovered">;
  readonly log: Log;
  /** Makes it due at once. */
  retry(id: string): Promise<unknown>;
}

const READS_AT_ONCE = 4;
const DOMAINS_LIMIT = 1_000;
/** For one run; who wants more asks again. */
const MESSAGES_LIMIT = 100_000;

export class QueueRuns {
  readonly #room: QueueRunsRoom;
  #asked = new Set<string>();
  #running: Promise<ReadonlyMap<string, number>> | null = null;
  #next: Promise<ReadonlyMap<string, number>> | null = null;

  constructor(room: QueueRunsRoom) {
    this.#room = room;
  }

  /** Resolves with the number of recipients. `.example.org` is the domain and its subdomains. */
  async run(domain: string): Promise<number> {
    if (this.#asked.size >= DOMAINS_LIMIT) throw new Error("too many queue runs are waiting");
    this.#asked.add(domain);
    this.#next ??= this.#begin();
    return (await this.#next).get(domain) ?? 0;
  }

  async #begin(): Promise<ReadonlyMap<string, number>> {
    // Whether the run before could do its work is its own askers' business.
    await Promise.allSettled([this.#running]);
    const domains = this.#asked;
    this.#asked = new Set();
    this.#next = null;
    this.#running = this.#search(domains);
    return this.#running;
  }

  async #search(domains: ReadonlySet<string>): Promise<ReadonlyMap<string, number>> {
    const { log, retry, spool } = this.#room;
    const counts = new Map<string, number>();
    const found = new Set<string>();
    await inParallel(spool.recovered(Number.POSITIVE_INFINITY), READS_AT_ONCE, async ({ id }) => {
      const entry = found.size < MESSAGES_LIMIT ? await this.#read(id) : null;
      if (entry === null || entry.envelope.hold !== null) return;
      for (const domain of domains) {
        const recipients = openRecipients(entry, domain);
        if (recipients === 0) continue;
        counts.set(domain, (counts.get(domain) ?? 0) + recipients);
        found.add(id);
      }
    });
    await inParallel(found, READS_AT_ONCE, async (id) => void (await retry(id)));
    log.info({ domains: [...domains].slice(0, 10), messages: found.size }, "queue run");
    return counts;
  }

  async #read(id: string): Promise<SpoolEntry | null> {
    try {
      return await this.#room.spool.read(id);
    } catch (cause) {
      this.#room.log.error({ id, err: cause }, "a message could not be read for a queue run");
      return null;
    }
  }
}

function openRecipients({ envelope, state }: SpoolEntry, domain: string): number {
  let open = 0;
  for (const { id, address } of envelope.recipients)
    if (isIn(domain, address.slice(address.lastIndexOf("@") + 1)) && !isFinal(state.outcomes[id])) open += 1;
  return open;
}

const isIn = (asked: string, domain: string): boolean =>
  asked.startsWith(".") ? domain === asked.slice(1) || domain.endsWith(asked) : domain === asked;
