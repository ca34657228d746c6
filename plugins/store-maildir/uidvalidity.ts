/**
 * The next UIDVALIDITY of an account, never given out twice: `dovecot-uidvalidity` holds the last one, and an empty file
 * `dovecot-uidvalidity.<hex>` is renamed from one value to the next, which only one process can do. As Dovecot does it.
 */

import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, shareFile } from "postern/store";

const NAME = "dovecot-uidvalidity";
const hex = (value: number): string => value.toString(16).padStart(8, "0");

function lastGiven(root: string): number | null {
  let last: number | null = null;
  for (const name of readdirSync(root)) {
    const found = /^dovecot-uidvalidity\.([0-9a-f]{8})$/.exec(name);
    if (found) last = Math.max(last ?? 0, Number.parseInt(found[1] ?? "0", 16));
  }
  return last;
}

function isTaken(work: () => void): boolean {
  try {
    work();
    return false;
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT" || errnoOf(cause) === "EEXIST") return true;
    throw cause;
  }
}

function floorOf(root: string): number {
  try {
    return Number.parseInt(readFileSync(join(root, NAME), "latin1"), 16) || 0;
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return 0;
    throw cause;
  }
}

export function nextUidValidity(root: string, nowMs: number): number {
  for (;;) {
    const last = lastGiven(root);
    // Not behind the clock: a value that was given just before a power cut may be forgotten.
    const next = Math.max((last ?? 0) + 1, floorOf(root) + 1, Math.floor(nowMs / 1000));
    const marker = (value: number) => join(root, `${NAME}.${hex(value)}`);
    const lost = isTaken(() => {
      if (last === null) writeFileSync(marker(next), "", { flag: "wx", mode: 0o444 });
      else renameSync(marker(last), marker(next));
    });
    if (lost) continue;
    writeFileSync(join(root, NAME), hex(next), { mode: 0o600 });
    shareFile(join(root, NAME), root);
    return next;
  }
}

/** What is given from now on is greater. */
export function raiseUidValidity(root: string, least: number): void {
  if (floorOf(root) < least) writeFileSync(join(root, NAME), hex(least), { mode: 0o600 });
}
