/** Files in tmp/ that nobody finished: the Maildir specification lets whoever comes by remove them after 36 hours. */

import { readdirSync, rmSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { attempt } from "postern/store";

const OLD_MS = 36 * 3_600_000;
const EVERY_MS = 6 * 3_600_000;
const MAX_KNOWN = 10_000;
/** Mailboxes that are being deleted stand in tmp/ under such a name. */
export const DELETED_PREFIX = ".postern-deleted-";

const cleanedMs = new Map<string, number>();

export function cleanTmp(directory: string, nowMs: number): void {
  if (nowMs - (cleanedMs.get(directory) ?? 0) < EVERY_MS) return;
  if (cleanedMs.size >= MAX_KNOWN) cleanedMs.clear();
  cleanedMs.set(directory, nowMs);
  const tmp = join(directory, "tmp");
  attempt(() => {
    for (const name of readdirSync(tmp)) {
      const path = join(tmp, name);
      attempt(() => {
        const stats = statSync(path);
        // The time of a message may be set to the past; when the file was made or changed cannot.
        if (nowMs - Math.max(stats.mtimeMs, stats.ctimeMs) < OLD_MS) return;
        if (!stats.isDirectory()) unlinkSync(path);
        else if (name.startsWith(DELETED_PREFIX)) rmSync(path, { recursive: true });
      });
    }
  });
}
