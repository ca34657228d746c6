/** The mailboxes of one account as directories: list, create, delete, rename. */
import { readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type MailboxListing, StoreError } from "postern/plugin";
import { cleanTmp, DELETED_PREFIX } from "./clean-tmp.ts";
import { attempt, errnoOf } from "./errors.ts";
import { uniqueName } from "./file-name.ts";
import { directoryOf, nameOf, parentsOf } from "./folder-name.ts";
import { makeDirectories } from "./folder-registry.ts";
import type { Site } from "./site.ts";
import { moveSpecialUses, specialUsesIn } from "./special-use.ts";
import { subscribedIn } from "./subscriptions.ts";

/** Names that exist as directories with mail, INBOX among them. */
export function mailboxNames(root: string): readonly string[] {
  const names = ["INBOX"];
  for (const directory of readdirSync(root, { withFileTypes: true })) {
    if (!directory.isDirectory()) continue;
    const name = nameOf(directory.name);
    if (name !== null && isMailbox(join(root, directory.name))) names.push(name);
  }
  return names;
}

const isMailbox = (path: string): boolean =>
  statSync(join(path, "cur"), { throwIfNoEntry: false })?.isDirectory() ?? false;

export const exists = (root: string, name: string): boolean => isMailbox(join(root, directoryOf(name)));

export function listMailboxes(root: string, usual: Readonly<Record<string, string>>): readonly MailboxListing[] {
  const names = mailboxNames(root);
  const selectable = new Set(names);
  const all = new Set(names);
  const withChildren = new Set<string>();
  for (const name of names) {
    for (const parent of parentsOf(name)) {
      all.add(parent);
      withChildren.add(parent);
    }
  }
  const subscribed = new Set(subscribedIn(root));
  const uses = specialUsesIn(root, names, usual);
  return [...all]
    .sort((a, b) => Number(b === "INBOX") - Number(a === "INBOX") || (a < b ? -1 : 1))
    .map((name) => ({
      name,
      isSelectable: selectable.has(name),
      hasChildren: withChildren.has(name),
      isSubscribed: subscribed.has(name),
      specialUse: selectable.has(name) ? (uses.get(name) ?? null) : null,
    }));
}

/** Answers whether it was made by this call. */
export function makeMailbox(root: string, name: string): boolean {
  const path = join(root, directoryOf(name));
  const isMade = makeDirectories(path, name === "INBOX");
  // Tells other programs that this is a folder of the Maildir above (Maildir++).
  if (name !== "INBOX") writeFileSync(join(path, "maildirfolder"), "", { mode: 0o600, flag: "a" });
  return isMade;
}

export function createMailbox(root: string, name: string): void {
  if (name === "INBOX" || exists(root, name)) throw new StoreError("alreadyExists", "The mailbox is there already");
  // Checks the whole name before anything is made.
  directoryOf(name);
  for (const parent of parentsOf(name)) makeMailbox(root, parent);
  if (!makeMailbox(root, name)) throw new StoreError("alreadyExists", "The mailbox is there already");
}

export async function deleteMailbox(root: string, name: string, site: Site): Promise<void> {
  if (name === "INBOX") throw new StoreError("cannot", "INBOX cannot be deleted");
  const path = join(root, directoryOf(name));
  if (!exists(root, name)) {
    const isStep = mailboxNames(root).some((other) => other.startsWith(`${name}/`));
    throw new StoreError(
      isStep ? "cannot" : "nonexistent",
      isStep ? "The mailbox has children" : "There is no such mailbox",
    );
  }
  const aside = join(root, "tmp", DELETED_PREFIX + uniqueName(site.clock.now(), site.host));
  // Gone in one step; what a crash leaves in tmp/ is removed with other old files.
  rename(path, aside);
  site.folders.retire(path);
  await moveSpecialUses(root, (other) => (other === name ? null : other));
  await rm(aside, { recursive: true, force: true });
}

export async function renameMailbox(root: string, from: string, to: string, site: Site): Promise<void> {
  directoryOf(from);
  const names = mailboxNames(root);
  const moving = names.filter((name) => name === from || name.startsWith(`${from}/`));
  if (moving.length === 0) throw new StoreError("nonexistent", "There is no such mailbox");
  if (to === "INBOX" || names.some((name) => name === to || name.startsWith(`${to}/`))) {
    throw new StoreError("alreadyExists", "The mailbox is there already");
  }
  if (to.startsWith(`${from}/`)) throw new StoreError("cannot", "A mailbox cannot become its own child");
  const target = (name: string): string => to + name.slice(from.length);
  for (const name of moving) directoryOf(target(name));
  for (const parent of parentsOf(to)) if (!names.includes(parent)) makeMailbox(root, parent);
  const done: string[] = [];
  try {
    for (const name of moving) {
      rename(join(root, directoryOf(name)), join(root, directoryOf(target(name))));
      done.push(name);
      site.folders.retire(join(root, directoryOf(name)));
    }
  } catch (cause) {
    for (const name of done.reverse()) {
      attempt(() => renameSync(join(root, directoryOf(target(name))), join(root, directoryOf(name))));
    }
    throw cause;
  }
  await moveSpecialUses(root, (name) => (moving.includes(name) ? target(name) : name));
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
  if (!isWhole) makeDirectories(root, true);
  else cleanTmp(root, nowMs);
}
