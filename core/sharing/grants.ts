/**
 * Who shares something with whom: hints on disk, `<directory>/<hash of subject>/<hash of owner>`, each with the owner's login in it. They say
 * whose mailboxes are worth a look; the look decides. Made again whenever an owner's rights are read. What fails is logged: somebody
 * sees a mailbox later, never one too many.
 */
import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, stat, unlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../contracts/log.ts";
import type { AclSubject } from "../contracts/sharing.ts";

const maxOwners = 10_000;
const maxKnown = 100_000;
const maxLoginBytes = 1024;
/** A hint that was made just now may be about rights that whoever found nothing has not seen. */
const freshMs = 60_000;

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 32);

interface Listed {
  readonly stamp: string;
  readonly owners: readonly string[];
}

export class Grants {
  readonly #directory: string;
  readonly #log: Log;
  readonly #listed = new Map<AclSubject, Listed>();

  constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#log = log;
  }

  /** Never rejects. */
  async note(owner: string, subjects: Iterable<AclSubject>): Promise<void> {
    for (const subject of subjects) {
      try {
        await this.#make(owner, subject);
      } catch (cause) {
        this.#log.warn({ err: cause, login: owner }, "who shares with whom cannot be noted");
      }
    }
  }

  async #make(owner: string, subject: AclSubject): Promise<void> {
    const directory = join(this.#directory, hashOf(subject));
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, hashOf(owner));
    // One that is there becomes new: whoever finds nothing behind it, and is about to remove it, lets it be.
    const now = new Date();
    const isThere = await utimes(path, now, now).then(
      () => true,
      () => false,
    );
    if (isThere) return;
    const temporary = `${path}.${process.pid}`;
    const file = await open(temporary, "w", 0o600);
    try {
      await file.writeFile(owner);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  }

  /** Logins that may have given something to one of these subjects; ascending. Never rejects. */
  async ownersFor(subjects: Iterable<AclSubject>): Promise<readonly string[]> {
    const found = new Set<string>();
    for (const subject of subjects) for (const owner of await this.#ownersOf(subject)) found.add(owner);
    return [...found].sort();
  }

  async #ownersOf(subject: AclSubject): Promise<readonly string[]> {
    const directory = join(this.#directory, hashOf(subject));
    try {
      const stats = await stat(directory, { bigint: true });
      const stamp = `${stats.ino} ${stats.mtimeNs}`;
      const known = this.#listed.get(subject);
      if (known?.stamp === stamp) return known.owners;
      const names = (await readdir(directory)).filter((name) => /^[0-9a-f]{32}$/.test(name)).slice(0, maxOwners);
      const owners: string[] = [];
      for (const name of names) {
        const owner = await readFile(join(directory, name), "utf8").catch(() => "");
        if (owner !== "" && owner.length <= maxLoginBytes && hashOf(owner) === name) owners.push(owner);
      }
      if (this.#listed.size >= maxKnown) this.#listed.clear();
      // In the same tick of the clock somebody may add one without a new time.
      const isSettled = Date.now() - Number(stats.mtimeNs / 1_000_000n) > 1000;
      if (isSettled) this.#listed.set(subject, { stamp, owners });
      return owners;
    } catch (cause) {
      if (!isMissing(cause)) this.#log.warn({ err: cause }, "who shares with whom cannot be read");
      return [];
    }
  }

  /** Nothing of this owner's can be seen under any of these subjects. Never rejects. */
  async drop(owner: string, subjects: Iterable<AclSubject>): Promise<void> {
    for (const subject of subjects) {
      const path = join(this.#directory, hashOf(subject), hashOf(owner));
      try {
        const { mtimeMs } = await stat(path);
        if (Math.abs(Date.now() - mtimeMs) < freshMs) continue;
        await unlink(path);
      } catch (cause) {
        if (!isMissing(cause)) this.#log.warn({ err: cause, login: owner }, "who shares with whom cannot be noted");
      }
    }
  }
}

const isMissing = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR");
