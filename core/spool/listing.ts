/** Tells of everything that waits. A message that cannot be read is set aside like any other, logged, and left out. */
import type { SpoolEntry, SpoolSummary } from "../contracts/spool.ts";
import type { DeferredFiles } from "./deferred-files.ts";
import { Entry } from "./entry.ts";
import type { Ledger } from "./ledger.ts";
import { type ReadingInit, readEntry } from "./reading.ts";

export interface ListingInit extends ReadingInit {
  readonly ledger: Ledger;
  readonly deferred: DeferredFiles;
}

/** So many recipients are named in a summary. */
const namedRecipients = 100;

export async function* listWaiting(init: ListingInit, isClosing: () => boolean): AsyncIterable<SpoolSummary> {
  const { ledger, deferred } = init;
  const told = new Set<string>();
  for (const entry of [...ledger.entries.values()]) {
    if (isClosing()) return;
    const summary = await summaryOf(init, entry);
    if (!summary) continue;
    told.add(entry.id);
    yield summary;
  }
  for (const bucket of await deferred.buckets()) {
    for await (const names of deferred.namesIn(bucket)) {
      for (const name of names) {
        if (isClosing()) return;
        if (told.has(name.id)) continue;
        const place = { at: "file", name, usedBytes: null } as const;
        const known = ledger.entries.get(name.id);
        const summary = await summaryOf(init, known ?? new Entry(name.id, place, { dueAt: name.dueAt }));
        if (summary) yield summary;
      }
    }
  }
}

async function summaryOf(init: ListingInit, entry: Entry): Promise<SpoolSummary | null> {
  try {
    const found = await readEntry(init, entry);
    return found && summarise(found);
  } catch {
    // It has been set aside and logged, or its file could not be read now: a list is not the place to fail for that.
    return null;
  }
}

function summarise({ envelope, state, message }: SpoolEntry): SpoolSummary {
  const isOpen = (id: number) => (state.outcomes[id] ?? { at: "deferred" }).at === "deferred";
  const open = envelope.recipients.filter(({ id }) => isOpen(id));
  return {
    id: envelope.id,
    origin: envelope.origin,
    reversePath: envelope.reversePath,
    login: envelope.session?.login ?? null,
    sizeBytes: message.sizeBytes,
    acceptedAt: envelope.acceptedAt,
    dueAt: state.dueAt,
    attempts: state.attempts,
    lastReply: state.lastReply,
    hold: envelope.hold,
    open: open.slice(0, namedRecipients).map(({ address }) => address),
    openCount: open.length,
  };
}
