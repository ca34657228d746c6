/**
 * STORE: a flag is a letter in the file's name, so a change is a rename of exactly the name that was seen. If another
 * program was faster the name is looked up again and the change applied to what stands there now: no flag gets lost.
 */
import { renameSync } from "node:fs";
import type { FlagChange } from "postern/plugin";
import { StoreError } from "postern/plugin";
import { changing } from "./changing.ts";
import { lettersOf } from "./file-name.ts";
import { canonicalFlags, lettersFor, otherLetters } from "./flags.ts";
import type { Folder, FolderListener } from "./folder.ts";
import { withUidLock } from "./folder-lock.ts";
import { Entry } from "./snapshot.ts";

const maxKnown = 4_096;

export function changeFlags(
  folder: Folder,
  uids: readonly number[],
  change: FlagChange,
  by: FolderListener,
): Promise<{ readonly unchanged: readonly number[] }> {
  const wanted = canonicalFlags(change.flags);
  return folder.mutex.run(async () => {
    await folder.compare(by);
    if (change.mode !== "remove" && folder.keywords.missing(wanted).length > 0) {
      await withUidLock(folder.path, () => folder.keywords.add(wanted));
      folder.forgetFlagSets();
    }
    const unchanged: number[] = [];
    const replaced = new Map<number, Entry>();
    const modseq = folder.modseq.next();
    const lettersAfter = changedLetters(folder, { mode: change.mode, flags: wanted });
    try {
      await changing([folder], uids, (uid) => {
        const entry = folder.snapshot.find(uid);
        if (!entry) return;
        // RFC 7162 3.1.3
        if (change.unchangedSince !== undefined && entry.modseq > change.unchangedSince) unchanged.push(uid);
        else if (rename(folder, entry, lettersAfter)) {
          replaced.set(uid, new Entry(entry.file, folder.flagsOf(entry.file.name), modseq));
        }
      });
    } finally {
      // What was renamed before a fault is changed all the same.
      if (replaced.size > 0) {
        folder.publish({ replaced }, by);
        folder.announce();
      }
    }
    return { unchanged };
  });
}

/** Whether anything changed; a message that is gone is passed over. */
function rename(folder: Folder, entry: Entry, lettersAfter: (letters: string) => string): boolean {
  const { file } = entry;
  try {
    const name = file.located((path) => {
      const letters = lettersAfter(lettersOf(file.name));
      const target = `${file.base}:2,${letters}`;
      if (target === file.name || (letters === "" && file.name === file.base)) return null;
      renameSync(path, `${folder.path}/cur/${target}`);
      return target;
    });
    if (name !== null) folder.place(file, "cur", name);
    return name !== null || file.isMoved;
  } catch (cause) {
    if (!(cause instanceof StoreError) || cause.code !== "expunged") throw cause;
    folder.distrust();
    return false;
  }
}

/** What becomes of a message's letters. Few differ in one mailbox, so each is worked out once. */
function changedLetters(
  folder: Folder,
  { mode, flags: changes }: Pick<FlagChange, "mode" | "flags">,
): (letters: string) => string {
  const names = folder.keywords.names;
  const wanted = new Set(changes.map((flag) => flag.toLowerCase()));
  const known = new Map<string, string>();
  const after = (letters: string): string => {
    const others = otherLetters(letters, names);
    if (mode === "replace") return lettersFor(changes, names, others);
    const flags = new Set(folder.flagsOf(`:2,${letters}`));
    if (mode === "add") for (const flag of changes) flags.add(flag);
    else for (const flag of flags) if (wanted.has(flag.toLowerCase())) flags.delete(flag);
    return lettersFor(flags, names, others);
  };
  return (letters) => {
    const found = known.get(letters) ?? after(letters);
    if (known.size < maxKnown) known.set(letters, found);
    return found;
  };
}
