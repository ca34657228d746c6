/**
 * Delivery: tmp/, flush, rename into new/, flush the directory. Takes no lock and lists nothing, so it never waits for a
 * reader. The same delivery id gives the same name, so a repeated hand-over is there once.
 */

import { readdirSync, renameSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import type { NewMessage } from "postern/plugin";
import { attempt, storeError } from "postern/store";
import { deliveryName, timeOfId } from "./delivery-name.ts";
import { baseOf, withSizes } from "./file-name.ts";
import { canonicalFlags, isKeyword, lettersFor } from "./flags.ts";
import type { FolderPlace } from "./folder.ts";
import { withUidLock } from "./folder-lock.ts";
import { timesOf } from "./scan.ts";
import type { Site } from "./site.ts";
import type { Toll } from "./toll.ts";
import { writeMessage } from "./write-message.ts";

/** Clocks and file times may differ by this much. */
const SLACK_MS = 2_000;

export async function deliverMessage(
  place: FolderPlace,
  message: NewMessage,
  { site, toll }: { readonly site: Site; readonly toll: Toll | null },
): Promise<void> {
  const directory = place.path;
  const { deliveryId } = message;
  const letters = await lettersOfNew(place, message, site);
  const written = await writeMessage(directory, message, {
    host: site.host,
    nowMs: site.clock.now(),
    flush: site.flush,
  });
  const { diskBytes, sizeBytes } = written;
  const base =
    deliveryId === undefined ? written.base : withSizes(deliveryName(deliveryId, site.host), diskBytes, sizeBytes);
  if (deliveryId !== undefined && !message.isFirstTry && isTakenOver(directory, { base, deliveryId, site })) {
    attempt(() => unlinkSync(written.path));
    await site.flush.directory(join(directory, "cur"));
    return;
  }
  const where = letters === "" ? "new" : "cur";
  const path = join(directory, where, letters === "" ? base : `${base}:2,${letters}`);
  try {
    await toll?.written([written]);
    // The same delivery again replaces the same bytes.
    renameSync(written.path, path);
    await site.flush.directory(join(directory, where));
  } catch (cause) {
    attempt(() => unlinkSync(written.path));
    throw storeError(cause);
  }
  await toll?.paid();
  const folder = site.folders.known(directory);
  if (folder) {
    folder.emit(null);
    folder.announce();
  } else site.notifier?.publish(`mailbox:${directory}`);
}

/** Keywords get their letters under the mailbox's lock; system flags need none. */
async function lettersOfNew(place: FolderPlace, message: NewMessage, site: Site): Promise<string> {
  const flags = canonicalFlags(message.flags ?? []);
  if (!flags.some(isKeyword)) return lettersFor(flags, []);
  const folder = site.folders.at(place, site);
  const { keywords } = folder;
  keywords.refresh();
  if (keywords.missing(flags).length > 0) await withUidLock(folder, () => keywords.add(flags));
  return lettersFor(flags, keywords.names);
}

/**
 * Whether an earlier hand-over got through and was seen since: then it is in cur/. In new/ the same name is just replaced.
 * Nothing is listed where cur/ has not changed since the id was made, or is known to a session of ours as it is.
 */
function isTakenOver(
  directory: string,
  { base, deliveryId, site }: { readonly base: string; readonly deliveryId: string; readonly site: Site },
): boolean {
  const times = timesOf(directory);
  if (!times) return false;
  const sinceMs = timeOfId(deliveryId);
  if (sinceMs !== null && times.curNs < BigInt(sinceMs - SLACK_MS) * 1_000_000n) return false;
  const folder = site.folders.known(directory);
  if (folder?.disk.knowsCur(times)) return folder.files.get(base)?.where === "cur";
  return readdirSync(join(directory, "cur")).some((name) => baseOf(name) === base);
}
