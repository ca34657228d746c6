/** What is left in `tmp/`: the Maildir specification lets it be removed after 36 hours. */

import { lstatSync, readdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { ignoreMissing } from "postern/store";
import { DELETED_PREFIX } from "./clean-tmp.ts";
import type { Inspection } from "./inspect.ts";

const OLD_MS = 36 * 3_600_000;

export async function inspectTmp({ place, site, found }: Inspection): Promise<void> {
  const tmp = join(place.path, "tmp");
  let count = 0;
  const old: string[] = [];
  for (const name of readdirSync(tmp)) {
    const stats = lstatSync(join(tmp, name), { throwIfNoEntry: false });
    if (!stats?.isFile() || name.startsWith(DELETED_PREFIX)) continue;
    // The time of a message may be set to the past; when the file was made or changed cannot.
    if (site.clock.now() - Math.max(stats.mtimeMs, stats.ctimeMs) < OLD_MS) continue;
    count++;
    old.push(join(tmp, name));
  }
  if (count === 0) return;
  await found({ kind: "half-written", text: `tmp/ has ${count} files that nobody finished` }, () => {
    for (const path of old) ignoreMissing(() => unlinkSync(path));
    return `removed ${count} files from tmp/`;
  });
}
