/** The mailboxes of one account as directories: list, create, delete, rename. */

import { existsSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type MailboxListing, StoreError } from "postern/plugin";
import {
  attempt,
  errnoOf,
  ignoreMissing,
  listingsOf,
  moveSpecialUses,
  parentsOf,
  shareFile,
  specialUsesIn,
} from "postern/store";
import { cleanTmp, DELETED_PREFIX } from "./clean-tmp.ts";
import { uniqueName } from "./file-name.ts";
import { FLAG_JOURNAL } from "./flag-journal.ts";
import type { FolderPlace } from "./folder.ts";
import { makeDirectories } from "./folder-registry.ts";
import { otherLayoutIn } from "./layout-found.ts";
import { isMailbox, type MailboxTree } from "./mailbox-tree.ts";
import type { Site } from "./site.ts";
import { subscribedIn } from "./subscriptions.ts";

/** Maildirs of which it was said already that their folders stand in another layout. */
const told = new Set<string>();
const MAX_TOLD = 10_000;

/** An account without a folder may be one whose folders we do not see. */
function tellOtherLayout({ root, layout }: MailboxTree, { log }: Site): void {
  if (told.has(root) || told.size >= MAX_TOLD) return;
  told.add(root);
  const other = otherLayoutIn(root, layout);
  if (other) log.warn({ mailbox: root, ...other }, "folders of the other layout are not shown");
}

export function listMailboxes(
  tree: MailboxTree,
  site: Site,
  usual: Readonly<Record<string, string>>,
): readonly MailboxListing[] {
  const names = tree.names();
  if (names.length === 1) tellOtherLayout(tree, site);
  const uses = specialUsesIn(tree.specialUses, names, usual);
  return listingsOf(names, { subscribed: subscribedIn(tree), uses });
}

/** Answers whether it was made by this call. Parents that are missing are made as directories only. */
export function makeMailbox(tree: MailboxTree, name: string): boolean {
  const isFs = tree.layout.kind === "fs";
  const path = isMailbox(tree.pathOf(name)) ? tree.pathOf(name) : tree.newPathOf(name);
  const isMade = makeDirectories(path, { isInbox: name === "INBOX", isDeep: isFs });
  // Tells other programs that this is a folder of the Maildir above (Maildir++).
  if (name !== "INBOX" && !isFs) writeFileSync(join(path, "maildirfolder"), "", { mode: 0o600, flag: "a" });
  if (name !== "INBOX" && !isFs) shareFile(join(path, "maildirfolder"), path);
  return isMade;
}

export function createMailbox(tree: MailboxTree, name: string): void {
  if (name === "INBOX" || tree.exists(name)) throw new StoreError("alreadyExists", "The mailbox is there already");
  // Checks the whole name before anything is made.
  tree.newPathOf(name);
  for (const parent of parentsOf(name)) if (parent !== "INBOX") makeMailbox(tree, parent);
  if (!makeMailbox(tree, name)) throw new StoreError("alreadyExists", "The mailbox is there already");
}

export async function deleteMailbox(tree: MailboxTree, name: string, site: Site): Promise<void> {
  if (name === "INBOX") throw new StoreError("cannot", "INBOX cannot be deleted");
  const path = tree.pathOf(name);
  const hasChildren = tree.names().some((other) => other.startsWith(`${name}/`));
  if (!isMailbox(path)) {
    throw new StoreError(
      hasChildren ? "cannot" : "nonexistent",
      hasChildren ? "The mailbox has children" : "There is no such mailbox",
    );
  }
  const aside = join(tree.root, "tmp", DELETED_PREFIX + uniqueName(site.clock.now(), site.host));
  // Gone in one step; what a crash leaves in tmp/ is removed with other old files.
  if (tree.layout.kind === "fs" && hasChildren) moveOwnPartsAside(path, aside);
  else rename(path, aside);
  site.folders.known(path)?.index?.forget();
  site.folders.retire(path);
  await moveSpecialUses(tree.specialUses, (other) => (other === name ? null : other));
  await rm(aside, { recursive: true, force: true });
}

/** Leaves the directories of the children where they are. Without cur/ it is no mailbox any more. */
function moveOwnPartsAside(path: string, aside: string): void {
  mkdirSync(aside, { mode: 0o700 });
  rename(join(path, "cur"), join(aside, "cur"));
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory() && entry.name !== "new" && entry.name !== "tmp") continue;
    ignoreMissing(() => renameSync(join(path, entry.name), join(aside, entry.name)));
  }
}

export async function renameMailbox(
  tree: MailboxTree,
  { from, to }: { readonly from: string; readonly to: string },
  site: Site,
): Promise<void> {
  tree.pathOf(from);
  const names = tree.names();
  const moving = names.filter((name) => name === from || name.startsWith(`${from}/`));
  if (moving.length === 0) throw new StoreError("nonexistent", "There is no such mailbox");
  if (to === "INBOX" || names.some((name) => name === to || name.startsWith(`${to}/`))) {
    throw new StoreError("alreadyExists", "The mailbox is there already");
  }
  if (to.startsWith(`${from}/`)) throw new StoreError("cannot", "A mailbox cannot become its own child");
  const target = (name: string): string => to + name.slice(from.length);
  for (const name of moving) tree.newPathOf(target(name));
  for (const parent of parentsOf(to)) if (parent !== "INBOX" && !names.includes(parent)) makeMailbox(tree, parent);
  const isFs = tree.layout.kind === "fs";
  // In the layout `fs` the children are inside.
  const steps = (isFs ? [from] : moving).map((name) => ({ old: tree.pathOf(name), new: tree.newPathOf(target(name)) }));
  const retired = moving.map((name) => tree.pathOf(name));
  for (const path of retired) await settleFlags({ path, root: tree.root }, site);
  const done: (typeof steps)[number][] = [];
  try {
    for (const step of steps) {
      rename(step.old, step.new);
      done.push(step);
    }
  } catch (cause) {
    for (const step of done.reverse()) attempt(() => renameSync(step.new, step.old));
    throw cause;
  } finally {
    for (const path of retired) site.folders.retire(path);
  }
  await moveSpecialUses(tree.specialUses, (name) => (moving.includes(name) ? target(name) : name));
}

/** Whoever is at it goes by the name that the mailbox has. */
async function settleFlags(place: FolderPlace, site: Site): Promise<void> {
  if (existsSync(join(place.path, FLAG_JOURNAL))) await site.folders.at(place, site).sync();
}

/** A directory that is no mailbox (left by another program) does not stand in the way if it is empty. */
function rename(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") throw new StoreError("nonexistent", "There is no such mailbox", { cause });
    if (errnoOf(cause) === "ENOTEMPTY" || errnoOf(cause) === "EEXIST") {
      throw new StoreError("alreadyExists", "The mailbox is there already", { cause });
    }
    throw cause;
  }
}

/** The Maildir of an account that is used for the first time, or that somebody has made by half. */
export function makeInbox(root: string, nowMs: number): void {
  const isWhole = isMailbox(root) && statSync(join(root, "new"), { throwIfNoEntry: false }) !== undefined;
  if (!isWhole) makeDirectories(root, { isInbox: true, isDeep: false });
  else cleanTmp(root, nowMs);
}
