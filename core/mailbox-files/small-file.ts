/**
 * Small files of lines that several processes change: as a whole, under `FILE.lock`, by a rename. Whoever is killed leaves the file as it
 * was; a lock that is held for ten seconds ends in `inUse`.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { StoreError } from "../contracts/mailbox-store.ts";
import { dotlock } from "./dotlock.ts";
import { errnoOf } from "./errors.ts";
import { shareFile } from "./permissions.ts";

/** Its text; empty if there is none. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return "";
    throw cause;
  }
}

/** Changes it, one process at a time. */
export async function changeText(path: string, change: (text: string) => string): Promise<void> {
  const lock = await dotlock(`${path}.lock`, { waitMs: 10_000, staleMs: 60_000 });
  if (!lock) throw new StoreError("inUse", "Locked by another program");
  try {
    const before = readText(path);
    const after = change(before);
    if (after === before) return;
    const temporary = `${path}.tmp.${process.pid}`;
    writeFileSync(temporary, after, { mode: 0o600, flush: true });
    shareFile(temporary, dirname(path));
    renameSync(temporary, path);
  } finally {
    lock.release();
  }
}
