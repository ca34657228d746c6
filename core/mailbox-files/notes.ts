/**
 * Small texts beside mailboxes (`MailboxNotes`), for stores that have a directory for each: changed under `FILE.lock`, by a rename that is
 * flushed, so that rights that were taken away stay so. Links are not followed: who may write into a mailbox must not show us other files.
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { type MailboxNotes, type Note, type NoteName, noteBytes } from "../contracts/mailbox-notes.ts";
import { StoreError } from "../contracts/mailbox-store.ts";
import { dotlock } from "./dotlock.ts";
import { errnoOf, ignoreMissing, storeError } from "./errors.ts";
import { shareFile } from "./permissions.ts";

export interface NotePlaces {
  /** Directory of what belongs to the mailbox; `null`: there is no such mailbox. May throw a `StoreError` for a name that is none. */
  directory(mailbox: string): string | null;
  /** Makes the directory where it is missing, and the mailbox is there. */
  prepare?(directory: string): void;
  /** Behind a change that is on disk. */
  changed?(note: NoteName): void;
}

interface FileNote extends Note {
  /** Of the file that it was read from. */
  readonly stamp: string;
}

const SAFE_NOTE = /^(?:acl|subscriptions-elsewhere|(?:seen|private)-[0-9a-f]{16,64})$/;

function pathOf(directory: string, note: NoteName): string {
  if (!SAFE_NOTE.test(note)) throw new StoreError("cannot", "This is no note");
  return join(directory, note === "acl" ? "dovecot-acl" : `postern-${note}`);
}

/** Another one for each file that was renamed into place, and for each change by an editor. */
function stampOf(path: string): string | null {
  try {
    // Most mailboxes have none, and an exception for each look would cost more than the look.
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return stats ? `${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}` : null;
  } catch (cause) {
    if (errnoOf(cause) === "ENOTDIR") return null;
    throw cause;
  }
}

function textIn(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new StoreError("noPermission", "Something else stands where a file should be");
    if (stats.size > noteBytes) throw new StoreError("limit", "The file is too large");
    const bytes = Buffer.alloc(stats.size);
    let filled = 0;
    for (;;) {
      const count = readSync(fd, bytes, filled, bytes.length - filled, filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.toString("utf8", 0, filled);
  } finally {
    closeSync(fd);
  }
}

function readNote(path: string): FileNote | null {
  for (;;) {
    const stamp = stampOf(path);
    if (stamp === null) return null;
    try {
      const text = textIn(path);
      // Not the text of one file with the stamp of another.
      if (stampOf(path) === stamp) return { text, place: path, stamp };
    } catch (cause) {
      if (errnoOf(cause) !== "ENOENT") throw cause;
    }
  }
}

function flushDirectory(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function write(path: string, directory: string, text: string): void {
  const bytes = Buffer.from(text);
  if (bytes.length > noteBytes) throw new StoreError("limit", "This is more than is kept");
  const temporary = `${path}.tmp.${process.pid}`;
  ignoreMissing(() => unlinkSync(temporary));
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  shareFile(temporary, directory);
  renameSync(temporary, path);
}

export function notesBeside(places: NotePlaces): MailboxNotes {
  const within = (mailbox: string): string | null => places.directory(mailbox);
  return {
    async read(mailbox, note, known = null) {
      try {
        const directory = within(mailbox);
        if (directory === null) return null;
        const path = pathOf(directory, note);
        if (known && known.place === path && stampOf(path) === (known as Partial<FileNote>).stamp) return known;
        return readNote(path);
      } catch (cause) {
        throw storeError(cause);
      }
    },
    async change(mailbox, note, change) {
      try {
        const directory = within(mailbox);
        if (directory === null) throw new StoreError("nonexistent", "There is no such mailbox");
        places.prepare?.(directory);
        const path = pathOf(directory, note);
        const lock = await dotlock(`${path}.lock`, { waitMs: 30_000, staleMs: 60_000 });
        if (!lock) throw new StoreError("inUse", "Locked by another program");
        try {
          const before = readNote(path)?.text ?? "";
          const after = await change(before);
          if (after === before) return;
          if (after === "") ignoreMissing(() => unlinkSync(path));
          else write(path, directory, after);
          flushDirectory(directory);
          places.changed?.(note);
        } finally {
          lock.release();
        }
      } catch (cause) {
        throw storeError(cause);
      }
    },
  };
}
