/** Recognises a Maildir whose folders stand in the other layout, or that is none: nobody would see its folders. */

import { type Dirent, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "postern/store";
import { type Layout, type LayoutKind, nameOf } from "./folder-name.ts";
import { isMailbox } from "./mailbox-tree.ts";

/** So many directories are looked into. */
const MAX_LOOKED = 1_000;

interface LayoutFound {
  readonly kind: LayoutKind;
  /** A folder that tells. */
  readonly example: string;
}

/** `null` where there is nothing of another layout than this one. */
export function otherLayoutIn(root: string, { kind }: Layout): LayoutFound | null {
  const directories = directoriesIn(root).slice(0, MAX_LOOKED);
  if (kind === "fs") {
    // In `fs` a folder may begin with a dot, too: only Maildir++ has this file in it.
    const example = directories.find(
      (name) => name.startsWith(".") && isMailbox(join(root, name)) && isThere(join(root, name, "maildirfolder")),
    );
    return example === undefined ? null : { kind: "maildir++", example };
  }
  const layout: Layout = { kind: "fs", encoding: "utf-7", mark: "" };
  for (const name of directories) {
    if (name.startsWith(".") || nameOf(name, layout) === null) continue;
    if (isMailbox(join(root, name))) return { kind: "fs", example: name };
    const below = directoriesIn(join(root, name)).find((step) => isMailbox(join(root, name, step)));
    if (below !== undefined) return { kind: "fs", example: `${name}/${below}` };
  }
  return null;
}

/** What stands where a Maildir should be; `null` for a Maildir, or nothing. */
export function otherFormatAt(root: string): string | null {
  const stats = statSync(root, { throwIfNoEntry: false });
  if (!stats) return null;
  if (stats.isFile()) return "a file (an mbox?)";
  if (!stats.isDirectory()) return "no directory";
  if (isMailbox(root)) return null;
  if (isThere(join(root, "storage", "dovecot.map.index"))) return "Dovecot's mdbox";
  if (isThere(join(root, "mailboxes"))) return "Dovecot's sdbox";
  return null;
}

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

function directoriesIn(path: string): readonly string[] {
  let entries: readonly Dirent[];
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch (cause) {
    if (["ENOENT", "EACCES", "ENOTDIR"].includes(errnoOf(cause))) return [];
    throw cause;
  }
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
