/**
 * After a start: looks at every name in `deferred/` once, reads none of the files. Removes what the journal knows better,
 * matches outcomes in the journal with the files they belong to, counts, clears away bodies that nobody owns. Until it has
 * ended no journal segment is given up, because its records may be what tells a stale name from a message.
 */
import { join } from "node:path";
import type { Log } from "../contracts/log.ts";
import type { DeferredFiles } from "./deferred-files.ts";
import { Entry } from "./entry.ts";
import { ignoreMissing } from "./errors.ts";
import type { SpoolFiles } from "./files.ts";
import { type DeferredName, isSpoolId, type Layout, neverDue } from "./layout.ts";
import type { Ledger } from "./ledger.ts";

export interface SurveyInit {
  readonly files: SpoolFiles;
  readonly layout: Layout;
  readonly ledger: Ledger;
  readonly deferred: DeferredFiles;
  readonly log: Log;
  /** Something could not be read at this start: orphans are kept. */
  readonly isDamaged: boolean;
  /** The body files that were there before this run accepted anything. */
  readonly bodies: readonly string[];
}

export async function surveyDeferred(init: SurveyInit): Promise<void> {
  const { ledger, deferred } = init;
  const unowned = new Set(init.bodies.filter((id) => isSpoolId(id) && !ledger.entries.has(id)));
  for (const bucket of await deferred.buckets()) {
    let isEmpty = true;
    for await (const names of deferred.namesIn(bucket)) {
      for (const name of names) {
        isEmpty = false;
        if (isStale(init.ledger, name)) await deferred.remove(name);
        else {
          unowned.delete(name.id);
          count(init.ledger, name);
        }
      }
    }
    if (isEmpty) await deferred.removeBucket(bucket);
  }
  await deferred.flushNames();
  ended(ledger);
  await clearBodies(init, unowned);
}

/** The same where nothing is to be changed: what should be removed is passed over. */
export async function countNames({ ledger, deferred }: Pick<SurveyInit, "ledger" | "deferred">): Promise<void> {
  for (const bucket of await deferred.buckets()) {
    for await (const names of deferred.namesIn(bucket)) {
      for (const name of names) if (!isStale(ledger, name)) count(ledger, name);
    }
  }
  ended(ledger);
}

function ended(ledger: Ledger): void {
  ledger.overlays.clear();
  ledger.finished.clear();
  ledger.isSurveying = false;
}

/** The journal has the whole message, or its end: this is a copy that was not finished, or a removal that got lost. */
const isStale = ({ entries, finished }: Ledger, { id }: DeferredName): boolean =>
  finished.has(id) || entries.get(id)?.place.at === "journal";

function count(ledger: Ledger, name: DeferredName): void {
  const { id } = name;
  if (ledger.entries.has(id) || ledger.accepting.has(id) || ledger.filed.get(id) !== null) return;
  const overlay = ledger.overlays.get(id);
  if (!overlay) {
    ledger.filed.set(id, name.dueAt);
    ledger.count += 1;
    return;
  }
  ledger.overlays.delete(id);
  const place = { at: "file", name, usedBytes: null } as const;
  // A hold that only the file still tells of outlives a schedule.
  const isHeld = overlay.hold === null && name.dueAt === neverDue;
  const dueAt = isHeld ? neverDue : (overlay.dueAt ?? name.dueAt);
  const found = new Entry(id, place, { dueAt });
  found.schedule = overlay.schedule;
  found.hold = overlay.hold;
  found.isHoldUnsaved = overlay.hold !== null;
  for (const [recipientId, outcome] of overlay.outcomes) {
    found.settle(recipientId, outcome);
  }
  for (const segment of overlay.segments) found.pin(segment);
  ledger.add(found);
  ledger.isFiled(found);
}

async function clearBodies({ files, layout, ledger, log, isDamaged }: SurveyInit, unowned: ReadonlySet<string>) {
  for (const id of unowned) {
    if (ledger.entries.has(id) || ledger.accepting.has(id)) continue;
    if (isDamaged) {
      await ignoreMissing(files.rename(join(layout.bodies, id), join(layout.damaged, `${id}.body`)));
      log.warn({ id }, "spool: a body without a message has been set aside");
    } else {
      await ignoreMissing(files.unlink(join(layout.bodies, id)));
    }
  }
}
