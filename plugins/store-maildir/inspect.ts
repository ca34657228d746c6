/**
 * Looks over one mailbox: its directories, locks, lists and every message. A repair removes nothing but what nobody can need (locks of
 * the dead, files in `tmp/` that were never finished); lists that make no sense are kept aside before they are written anew.
 */

import { existsSync, lstatSync, mkdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { type Defect, type DefectKind, StoreError } from "postern/plugin";
import { dotlock, errnoOf } from "postern/store";
import { FLAG_JOURNAL } from "./flag-journal.ts";
import type { FolderPlace } from "./folder.ts";
import { inspectLists } from "./inspect-lists.ts";
import { inspectMessages } from "./inspect-messages.ts";
import { inspectTmp } from "./inspect-tmp.ts";
import type { Site } from "./site.ts";

export interface Inspection {
  readonly place: FolderPlace;
  readonly site: Site;
  readonly isRepair: boolean;
  /** `mend` is run where a repair was asked for, and says what it did; `null`: it could not. Left out: nothing can be done here. */
  found(defect: { kind: DefectKind; text: string; uid?: number }, mend?: () => Mended): Promise<void>;
}

export type Mended = string | null | Promise<string | null>;

export async function inspectMailbox(
  place: FolderPlace,
  how: { readonly repair: boolean },
  site: Site,
): Promise<readonly Defect[]> {
  if (!lstatSync(place.path, { throwIfNoEntry: false })) {
    throw new StoreError("nonexistent", "There is no such mailbox");
  }
  const defects: Defect[] = [];
  const inspection: Inspection = {
    place,
    site,
    isRepair: how.repair,
    async found({ kind, text, uid = null as number | null }, mend) {
      defects.push({ kind, text, uid, done: how.repair && mend ? await mend() : null });
    },
  };
  if (await inspectDirectories(inspection)) {
    await inspectLocks(inspection);
    await inspectTmp(inspection);
    await inspectFlags(inspection);
    await inspectLists(inspection);
    await inspectMessages(inspection);
  }
  return defects;
}

/** Whether the rest can be looked at. */
async function inspectDirectories({ place, isRepair, found }: Inspection): Promise<boolean> {
  let isWhole = true;
  for (const step of place.path === place.root ? ["cur", "new", "tmp"] : ["", "cur", "new", "tmp"]) {
    const path = join(place.path, step);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory()) continue;
    if (stats) {
      isWhole = false;
      const text = `${step === "" ? "the mailbox" : `${step}/`} is no directory`;
      await found({ kind: stats.isSymbolicLink() ? "link" : "missing-directory", text });
      continue;
    }
    isWhole &&= isRepair;
    await found({ kind: "missing-directory", text: `${step}/ is missing` }, () => {
      mkdirSync(path, { mode: 0o700 });
      return `made ${step}/`;
    });
  }
  return isWhole;
}

const STALE_MS = 120_000;

async function inspectLocks({ place, found }: Inspection): Promise<void> {
  for (const name of ["dovecot-uidlist.lock", "subscriptions.lock", `${FLAG_JOURNAL}.lock`]) {
    const path = join(place.path, name);
    if (!isStale(path)) continue;
    await found({ kind: "stale-lock", text: `${name} was left by somebody who is gone` }, async () => {
      // Taken and given back, so that nobody can hold it who does not know.
      const lock = await dotlock(path, { waitMs: 0, staleMs: STALE_MS });
      lock?.release();
      return lock ? `removed ${name}` : null;
    });
  }
}

/** One that somebody is at has a lock. */
async function inspectFlags({ place, site, found }: Inspection): Promise<void> {
  const path = join(place.path, FLAG_JOURNAL);
  if (!existsSync(path) || (existsSync(`${path}.lock`) && !isStale(`${path}.lock`))) return;
  const text = `${FLAG_JOURNAL}: a change of flags that was answered waits to be carried out`;
  await found({ kind: "half-written", text }, async () => {
    await site.folders.at(place, site).sync();
    return existsSync(path) ? null : "changed the flags";
  });
}

/** As far as can be seen without taking it. */
function isStale(path: string): boolean {
  try {
    const [pid = "", ...host] = readFileSync(path, "latin1").trim().split(":");
    if (host.join(":") !== hostname()) return Date.now() - lstatSync(path).mtimeMs > STALE_MS;
    process.kill(Number(pid), 0);
    return false;
  } catch (cause) {
    return errnoOf(cause) === "ESRCH";
  }
}
