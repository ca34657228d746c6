/**
 * What cannot be told from an mbox and must outlive its index: in `.postern/<name>/base` beside the mailboxes. A mailbox id (RFC 8474), the
 * UIDVALIDITY and UIDNEXT of a mailbox that has become empty, a bound above all modseqs given out. Written by a rename.
 */

import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "postern/store";

export interface Kept {
  readonly id: string;
  readonly uidValidity: number;
  readonly uidNext: number;
  /** Modseqs are below. */
  readonly floor: number;
}

const FILE = "base";

export function readKept(directory: string): Kept | null {
  try {
    const [version, id = "", validity, next, floor] = readFileSync(join(directory, FILE), "latin1").trim().split(" ");
    const kept = { id, uidValidity: Number(validity), uidNext: Number(next), floor: Number(floor) };
    const isSound = [kept.uidValidity, kept.uidNext, kept.floor].every(
      (value) => Number.isSafeInteger(value) && value >= 0,
    );
    return version === "1" && /^[\w-]{8,64}$/.test(id) && isSound ? kept : null;
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT" || errnoOf(cause) === "ENOTDIR") return null;
    throw cause;
  }
}

export function writeKept(directory: string, { id, uidValidity, uidNext, floor }: Kept): void {
  const temporary = join(directory, `${FILE}.${process.pid}`);
  writeFileSync(temporary, `1 ${id} ${uidValidity} ${uidNext} ${floor}\n`, { mode: 0o600, flush: true });
  renameSync(temporary, join(directory, FILE));
}

export const newMailboxId = (): string => randomBytes(15).toString("base64url");
