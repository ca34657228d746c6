/**
 * What there is to be taken, in an order that is fair: one file of each user, then the next one of each. Of a directory that somebody has
 * filled only so many names are remembered, and those who left little keep theirs. Reads names and inodes, nothing else.
 */
import { lstatSync, type Stats, unlinkSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { realFiles } from "../spool/files.ts";

export interface Candidate {
  readonly name: string;
  readonly uid: number;
  readonly isFile: boolean;
}

export interface Candidates {
  readonly found: readonly Candidate[];
  /** There are more than were remembered. */
  readonly isCut: boolean;
  /** Nobody but their owners can move them; they are left alone. */
  readonly directories: number;
}

export interface Search {
  /** Names that are remembered. */
  readonly limit: number;
  /** Whose files are left where they are for now. */
  readonly isPutOff: (uid: number) => boolean;
  readonly isIgnored: (name: string) => boolean;
  /** What was begun before that, and never finished, goes (milliseconds since 1970); `null`: nothing goes. */
  readonly abandonedBefore: number | null;
}

export async function findCandidates(directory: string, search: Search): Promise<Candidates> {
  const kept = new Kept(search.limit);
  let directories = 0;
  for await (const names of realFiles.nameChunks(directory)) {
    for (const name of names) {
      const stats = lookAt(join(directory, name));
      if (stats === null) continue;
      if (stats.isDirectory()) directories += 1;
      else if (name.startsWith(".")) {
        if (search.abandonedBefore !== null) clearAway(join(directory, name), stats, search.abandonedBefore);
      } else if (!search.isPutOff(stats.uid) && !search.isIgnored(name)) {
        kept.add({ name, uid: stats.uid, isFile: stats.isFile() });
      }
    }
    // A million names must not hold up mail of others.
    await nextTurn();
  }
  return { found: kept.inTurn(), isCut: kept.isCut, directories };
}

function lookAt(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch (error) {
    // Renamed or removed by its owner meanwhile.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** The time of the last change to the inode: its owner cannot set that back or forth. */
function clearAway(path: string, stats: Stats, before: number): void {
  if (!stats.isFile() || stats.ctimeMs >= before) return;
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

class Kept {
  readonly #limit: number;
  readonly #byUser = new Map<number, Candidate[]>();
  #count = 0;
  isCut = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(candidate: Candidate): void {
    const own = this.#byUser.get(candidate.uid) ?? [];
    if (this.#count >= this.#limit) {
      this.isCut = true;
      const longest = this.#longest();
      if (longest.length <= own.length + 1) return;
      longest.pop();
      this.#count -= 1;
    }
    if (own.length === 0) this.#byUser.set(candidate.uid, own);
    own.push(candidate);
    this.#count += 1;
  }

  #longest(): Candidate[] {
    let longest: Candidate[] = [];
    for (const list of this.#byUser.values()) if (list.length > longest.length) longest = list;
    return longest;
  }

  inTurn(): readonly Candidate[] {
    const all: Candidate[] = [];
    const lists = [...this.#byUser.values()];
    for (let round = 0; all.length < this.#count; round += 1)
      for (const list of lists) {
        const candidate = list[round];
        if (candidate !== undefined) all.push(candidate);
      }
    return all;
  }
}
