/** Small files of lines that several processes change: under a lock beside them, by a rename. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { StoreError } from "postern/plugin";
import { dotlock } from "./dotlock.ts";
import { errnoOf } from "./errors.ts";

/** Empty if there is none. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return "";
    throw cause;
  }
}

export async function changeText(path: string, change: (text: string) => string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const lock = await dotlock(`${path}.lock`, { waitMs: 10_000, staleMs: 60_000 });
  if (!lock) throw new StoreError("inUse", "Locked by another program");
  try {
    const before = readText(path);
    const after = change(before);
    if (after === before) return;
    const temporary = `${path}.tmp.${process.pid}`;
    writeFileSync(temporary, after, { mode: 0o600, flush: true });
    renameSync(temporary, path);
  } finally {
    lock.release();
  }
}
