/** How much the index takes, and what goes when there is no room: mailboxes that nobody has looked into for longest. */
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "postern/plugin";

/** Counting looks at every file. */
const countedEveryMs = 60_000;
/** How full it may be after something has gone. */
const shareLeft = 0.9;

export class Room {
  readonly #root: string;
  readonly #ceilingBytes: number;
  readonly #log: Log;
  #countedAtMs = Number.NEGATIVE_INFINITY;
  #hasRoom = true;

  constructor(root: string, ceilingBytes: number, log: Log) {
    this.#root = root;
    this.#ceilingBytes = ceilingBytes;
    this.#log = log;
  }

  /** `key`: the mailbox that is about to grow, which does not go. */
  hasRoom(key: string): boolean {
    if (performance.now() - this.#countedAtMs < countedEveryMs) return this.#hasRoom;
    this.#countedAtMs = performance.now();
    const mailboxes = this.#mailboxes().sort((a, b) => a.usedMs - b.usedMs);
    let total = mailboxes.reduce((sum, { bytes }) => sum + bytes, 0);
    if (total > this.#ceilingBytes) {
      for (const { path, name, bytes } of mailboxes) {
        if (total <= this.#ceilingBytes * shareLeft) break;
        if (name === key) continue;
        rmSync(path, { recursive: true, force: true });
        total -= bytes;
      }
      this.#hasRoom = total <= this.#ceilingBytes;
      if (!this.#hasRoom) this.#log.warn({ ceilingBytes: this.#ceilingBytes }, "full-text index is full");
    } else this.#hasRoom = true;
    return this.#hasRoom;
  }

  #mailboxes(): { path: string; name: string; bytes: number; usedMs: number }[] {
    return entriesOf(this.#root).flatMap((name) => {
      const path = join(this.#root, name);
      const usedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
      const sizes = entriesOf(path).map((file) => statSync(join(path, file), { throwIfNoEntry: false })?.size ?? 0);
      return [{ path, name, usedMs, bytes: sizes.reduce((sum, size) => sum + size, 0) }];
    });
  }
}

function entriesOf(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (fault) {
    const code = (fault as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw fault;
  }
}
