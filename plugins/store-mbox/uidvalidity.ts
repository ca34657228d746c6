/** The next UIDVALIDITY of an account, greater than all that it gave out before: `.postern/uidvalidity` holds the last one. */

import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attempt, errnoOf } from "postern/store";
import { controlRoot } from "./mailbox-name.ts";

/** Values of this process that could not be written down, or not yet. */
let last = 0;

function lastGiven(path: string): number {
  try {
    return Number.parseInt(readFileSync(path, "latin1"), 10) || 0;
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT" || errnoOf(cause) === "ENOTDIR") return 0;
    throw cause;
  }
}

export function nextUidValidity(root: string, nowMs: number): number {
  const directory = controlRoot(root);
  const path = join(directory, "uidvalidity");
  const next = Math.max(lastGiven(path) + 1, last + 1, Math.floor(nowMs / 1000));
  last = next;
  attempt(() => {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const temporary = `${path}.${process.pid}`;
    writeFileSync(temporary, `${next}\n`, { mode: 0o600, flush: true });
    renameSync(temporary, path);
  });
  return next;
}
