/**
 * Who may use what is made in a mailbox: the owner, and the group where it may write into the mailbox's directory (a shared mailbox, as
 * Dovecot has it). Nobody else, whatever the directory says.
 */
import { chmodSync, chownSync, statSync } from "node:fs";
import { attempt } from "./errors.ts";

const GROUP_MAY_WRITE = 0o020;
const SET_GROUP = 0o2000;
const MAX_KNOWN = 10_000;

/** Group of shared directories; `null`: the owner's alone. Asked once for each directory. */
const groups = new Map<string, number | null>();

function groupOf(directory: string): number | null {
  const known = groups.get(directory);
  if (known !== undefined) return known;
  const stats = statSync(directory, { throwIfNoEntry: false });
  if (!stats) return null;
  const group = stats.mode & GROUP_MAY_WRITE ? stats.gid : null;
  if (groups.size >= MAX_KNOWN) groups.clear();
  groups.set(directory, group);
  return group;
}

/** Gives a new file to the group of its mailbox, where that shares it. */
export function shareFile(path: string, mailbox: string): void {
  const group = groupOf(mailbox);
  if (group !== null) share(path, group, 0o660);
}

/** Gives a new directory to the group of the one above, where that shares it. */
export function shareDirectory(path: string, above: string): void {
  const group = groupOf(above);
  if (group === null) return;
  share(path, group, 0o770 | SET_GROUP);
  groups.delete(path);
}

/** A group that this user is not in cannot be given: the owner has it alone then. */
function share(path: string, group: number, mode: number): void {
  attempt(() => {
    if (statSync(path).gid !== group) chownSync(path, -1, group);
    chmodSync(path, mode);
  });
}
