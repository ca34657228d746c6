/**
 * `postern-flags`: changes of the flags of many messages, in their order, that were answered before all files had their new names. Whoever
 * compares the mailbox while it is there waits for the process that is at it, or carries them out in its stead if that is gone. Written
 * without a flush, as names of files are: it outlives the process, not a power cut. What was cut off in the middle of writing was never
 * answered.
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Flag, FlagChange } from "postern/plugin";
import { attempt, type Dotlock, dotlock, errnoOf, ignoreMissing, shareFile } from "postern/store";

export const FLAG_JOURNAL = "postern-flags";

/** How long one waits for the process that is at it. */
const WAIT_MS = 30_000;
/** Without a sign of life for so long, its holder is gone, whoever has its process id now. */
const STALE_MS = 60_000;
/** After that wait was in vain, and after what could not be carried out, one goes by the disk as it is for this time. */
const PAUSE_MS = 10_000;
const HEADER = "postern-flags 1";
/** What is not whole has no such line. */
const END = "end";
const LINES = 6;

export interface FlagOrder extends Pick<FlagChange, "mode" | "flags"> {
  /** Which mailbox it is about, should the directory be another's by now. */
  readonly mailboxId: string;
  readonly uidValidity: number;
  /** Ascending, both ends are in it. */
  readonly uids: UidRanges;
}

type UidRanges = readonly (readonly [first: number, last: number])[];

/** Held until all orders are carried out, or given back. */
export interface HeldOrders {
  /** They are carried out. */
  done(): void;
  /** They stay for somebody else, or for later. */
  leave(): void;
}

/** Of our own. */
export interface OpenOrders extends HeldOrders {
  /** One more, behind the others. `false`: it cannot be, now or later. */
  add(order: FlagOrder): boolean;
}

export class FlagJournal {
  readonly #directory: string;
  readonly #path: string;
  #pausedUntilMs = 0;

  constructor(directory: string) {
    this.#directory = directory;
    this.#path = join(directory, FLAG_JOURNAL);
  }

  /** Whether somebody has left an order, or is at it. */
  get isThere(): boolean {
    return statSync(this.#path, { throwIfNoEntry: false }) !== undefined && performance.now() >= this.#pausedUntilMs;
  }

  /** `null` where it cannot be written: by another's order, for lack of room or of rights. */
  async begin(order: FlagOrder): Promise<OpenOrders | null> {
    const lock = await this.#lock(0);
    if (!lock) return null;
    let fd = -1;
    const held = this.#held({
      release() {
        if (fd >= 0) closeSync(fd);
        lock.release();
      },
    });
    try {
      const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL } = constants;
      fd = openSync(this.#path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL, 0o600);
      shareFile(this.#path, this.#directory);
    } catch (cause) {
      if (errnoOf(cause) === "") throw cause;
      // Another's stays.
      lock.release();
      return null;
    }
    let sizeBytes = 0;
    const add = (next: FlagOrder): boolean => {
      if (sizeBytes < 0) return false;
      const added = append(fd, formatOrder(next), sizeBytes);
      sizeBytes = added > 0 ? sizeBytes + added : -1;
      return added > 0;
    };
    if (add(order)) return { ...held, add };
    held.done();
    return null;
  }

  /** What a process that is gone has left, once no other is at it; `null` if there is nothing, or it cannot be had now. */
  async takeLeft(): Promise<{ readonly orders: readonly FlagOrder[]; readonly held: HeldOrders } | null> {
    const lock = await this.#lock(WAIT_MS);
    if (!lock) {
      this.#pausedUntilMs = performance.now() + PAUSE_MS;
      return null;
    }
    const held = this.#held(lock);
    const text = this.#read();
    const orders = parseOrders(text ?? "");
    if (orders.length > 0) return { orders, held };
    if (text === null) held.leave();
    else held.done();
    return null;
  }

  #held(lock: Dotlock): HeldOrders {
    return {
      done: () => {
        attempt(() => ignoreMissing(() => unlinkSync(this.#path)));
        lock.release();
      },
      leave: () => {
        this.#pausedUntilMs = performance.now() + PAUSE_MS;
        lock.release();
      },
    };
  }

  /** Empty if there is none any more; `null` where it cannot be read. */
  #read(): string | null {
    try {
      return readFileSync(this.#path, "utf8");
    } catch (cause) {
      if (errnoOf(cause) === "") throw cause;
      return errnoOf(cause) === "ENOENT" ? "" : null;
    }
  }

  async #lock(waitMs: number): Promise<Dotlock | null> {
    const path = `${this.#path}.lock`;
    const wishes = { waitMs, staleMs: STALE_MS };
    try {
      const lock = await dotlock(path, wishes);
      if (lock || waitMs === 0) return lock;
      const held = statSync(path, { throwIfNoEntry: false });
      // To carry an order out twice harms nobody.
      if (held && Date.now() - held.mtimeMs > STALE_MS) attempt(() => unlinkSync(path));
      return await dotlock(path, { ...wishes, waitMs: 0 });
    } catch (cause) {
      if (errnoOf(cause) === "") throw cause;
      return null;
    }
  }
}

/** Octets, 0 if it failed. Half an order at the end is nobody's, and is taken back all the same. */
function append(fd: number, order: string, sizeBytes: number): number {
  const bytes = Buffer.from(order);
  try {
    // Without a name: somebody took us for dead, and has carried out what stood there.
    if (writeSync(fd, bytes) === bytes.length && fstatSync(fd).nlink > 0) return bytes.length;
  } catch (cause) {
    if (errnoOf(cause) === "") throw cause;
  }
  attempt(() => ftruncateSync(fd, sizeBytes));
  return 0;
}

function formatOrder({ mailboxId, uidValidity, mode, flags, uids }: FlagOrder): string {
  const ranges = uids.map(([first, last]) => (first === last ? `${first}` : `${first}:${last}`));
  return [HEADER, `${uidValidity} ${mailboxId}`, mode, flags.join(" "), ranges.join(","), END, ""].join("\n");
}

/** Up to the first that is not whole. */
export function parseOrders(text: string): readonly FlagOrder[] {
  const lines = text.split("\n");
  const orders: FlagOrder[] = [];
  // The last line has its end.
  for (let at = 0; at + LINES < lines.length; at += LINES) {
    const order = parseOrder(lines.slice(at, at + LINES));
    if (!order) break;
    orders.push(order);
  }
  return orders;
}

function parseOrder(lines: readonly string[]): FlagOrder | null {
  const [header, mailbox = "", mode, flagsText = "", ranges = "", end] = lines;
  const [, uidValidity, mailboxId] = /^(\d{1,10}) (\S+)$/.exec(mailbox) ?? [];
  if (header !== HEADER || end !== END || mailboxId === undefined) return null;
  if (mode !== "add" && mode !== "remove" && mode !== "replace") return null;
  const flags: Flag[] = flagsText === "" ? [] : flagsText.split(" ");
  const uids: [number, number][] = [];
  for (const range of ranges.split(",")) {
    const found = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(range);
    if (!found) return null;
    uids.push([Number(found[1]), Number(found[2] ?? found[1])]);
  }
  return { mailboxId, uidValidity: Number(uidValidity), mode, flags, uids };
}

/** Of UIDs in any order. */
export function uidRangesOf(uids: readonly number[]): UidRanges {
  const ranges: [number, number][] = [];
  for (const uid of uids.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && uid <= last[1] + 1) last[1] = uid;
    else ranges.push([uid, uid]);
  }
  return ranges;
}
