/** The mailboxes of one account as files: list, create, delete, rename. */

import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  unlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type MailboxListing, StoreError } from "postern/plugin";
import { attempt, errnoOf, listingsOf, parentsOf, specialUsesIn } from "postern/store";
import type { FolderPlace } from "./folder.ts";
import { forgetIndexed } from "./index-sync.ts";
import { flushDirectory } from "./journal.ts";
import { controlRoot, fileOf, MESSAGES, specialUsesOf, stepOf } from "./mailbox-name.ts";
import type { Site } from "./site.ts";
import { subscribedIn } from "./subscriptions.ts";

const MAX_DEPTH = 32;

/** Where an account's mail is. */
export interface Home {
  /** Directory of all mailboxes but, as a rule, the INBOX. */
  readonly root: string;
  readonly inbox: string;
}

export const isFile = (path: string): boolean => statsOf(path)?.isFile() === true;
const isDirectory = (path: string): boolean => statsOf(path)?.isDirectory() === true;

function statsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    // A mailbox stands where a directory would be.
    if (errnoOf(cause) === "ENOTDIR") return undefined;
    throw cause;
  }
}

/** Where a mailbox's own things are. Each level has a mark, so that no name of a file in it can be another mailbox. */
export const controlOf = (home: Home, name: string): string =>
  join(
    controlRoot(home.root),
    "boxes",
    ...fileOf(name)
      .split("/")
      .map((step) => `=${step}`),
  );

export function placeOfName(home: Home, name: string): FolderPlace {
  const control = controlOf(home, name);
  if (name === "INBOX") return { path: home.inbox, control, root: home.root };
  const path = join(home.root, fileOf(name));
  return { path: isDirectory(path) ? join(path, MESSAGES) : path, control, root: home.root };
}

export const exists = (home: Home, name: string): boolean =>
  name === "INBOX" ? isFile(home.inbox) : isFile(placeOfName(home, name).path);

/** Names that hold messages, INBOX among them. */
export function mailboxNames(home: Home): readonly string[] {
  const names = new Set<string>(["INBOX"]);
  const walk = (directory: string, prefix: string, depth: number): void => {
    for (const entry of entriesOf(directory)) {
      const path = join(directory, entry.name);
      const step = stepOf(entry.name);
      if (path === home.inbox || step === null) continue;
      const name = prefix === "" && /^inbox$/i.test(step) ? "INBOX" : prefix + step;
      // A file that only looks like the INBOX is none that anybody could open.
      if (entry.isFile() && name !== "INBOX") names.add(name);
      if (!entry.isDirectory() || depth >= MAX_DEPTH) continue;
      if (name !== "INBOX" && isFile(join(path, MESSAGES))) names.add(name);
      walk(path, `${name}/`, depth + 1);
    }
  };
  walk(home.root, "", 0);
  return [...names];
}

/** None where there is no such directory. */
export function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return [];
    throw cause;
  }
}

export function listMailboxes(home: Home, usual: Readonly<Record<string, string>>): readonly MailboxListing[] {
  const names = mailboxNames(home);
  const uses = specialUsesIn(specialUsesOf(home.root), names, usual);
  return listingsOf(names, { subscribed: subscribedIn(home.root), uses });
}

function makeFile(path: string, mode: number): boolean {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  try {
    closeSync(openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
    flushDirectory(dirname(path));
    return true;
  } catch (cause) {
    if (errnoOf(cause) !== "EEXIST") throw cause;
    return false;
  }
}

export function makeInbox(home: Home, site: Site): void {
  if (isFile(home.inbox)) return;
  mkdirSync(dirname(home.inbox), { recursive: true, mode: 0o700 });
  makeFile(home.inbox, site.mode);
}

/** Makes the file of a mailbox, and files of parents that are missing; those that have children become directories. */
export async function makeMailbox(home: Home, name: string, site: Site): Promise<boolean> {
  mkdirSync(home.root, { recursive: true, mode: 0o700 });
  for (const parent of parentsOf(name)) {
    const path = join(home.root, fileOf(parent));
    if (isFile(path) && path !== home.inbox) await becomeDirectory(home, parent, site);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    if (parent !== "INBOX") makeFile(join(path, MESSAGES), site.mode);
  }
  return makeFile(placeOfName(home, name).path, site.mode);
}

/** A mailbox gets its first child: its file goes into a directory of its name. Nobody delivers into it meanwhile. */
async function becomeDirectory(home: Home, name: string, site: Site): Promise<void> {
  const place = placeOfName(home, name);
  const folder = site.folders.at(place, site);
  await folder.use("exclusive", () => {
    const aside = `${place.path}.${process.pid}.lock`;
    renameSync(place.path, aside);
    try {
      mkdirSync(place.path, { mode: 0o700 });
      renameSync(aside, join(place.path, MESSAGES));
    } catch (cause) {
      attempt(() => rmdirSync(place.path));
      renameSync(aside, place.path);
      throw cause;
    }
    flushDirectory(dirname(place.path));
  });
  folder.retire();
}

export async function createMailbox(home: Home, name: string, site: Site): Promise<void> {
  if (name === "INBOX" || exists(home, name) || !(await makeMailbox(home, name, site))) {
    throw new StoreError("alreadyExists", "The mailbox is there already");
  }
}

export async function deleteMailbox(home: Home, name: string, site: Site): Promise<void> {
  if (name === "INBOX") throw new StoreError("cannot", "INBOX cannot be deleted");
  const place = placeOfName(home, name);
  if (!isFile(place.path)) {
    const isStep = mailboxNames(home).some((other) => other.startsWith(`${name}/`));
    throw new StoreError(
      isStep ? "cannot" : "nonexistent",
      isStep ? "The mailbox has children" : "There is no such mailbox",
    );
  }
  const folder = site.folders.at(place, site);
  await folder.useBlindly(async () => {
    await forgetIndexed(folder);
    unlinkSync(place.path);
    removeControl(place.control);
  });
  folder.retire();
  removeEmpty(home, dirname(place.path));
}

/** What belongs to the mailbox, not what belongs to its children. */
function removeControl(control: string): void {
  for (const entry of entriesOf(control)) {
    if (!entry.name.startsWith("=")) rmSync(join(control, entry.name), { recursive: true, force: true });
  }
  attempt(() => rmdirSync(control));
}

/** A directory whose last mailbox has gone. */
function removeEmpty(home: Home, directory: string): void {
  for (let at = directory; at.startsWith(`${home.root}/`); at = dirname(at)) {
    try {
      rmdirSync(at);
    } catch (cause) {
      if (errnoOf(cause) === "") throw cause;
      return;
    }
  }
}

export async function renameMailbox(
  home: Home,
  names: { readonly from: string; readonly to: string },
  site: Site,
): Promise<readonly string[]> {
  const { from, to } = names;
  const all = mailboxNames(home);
  const moving = all.filter((name) => name === from || name.startsWith(`${from}/`));
  if (moving.length === 0) throw new StoreError("nonexistent", "There is no such mailbox");
  if (to === "INBOX" || all.some((name) => name === to || name.startsWith(`${to}/`))) {
    throw new StoreError("alreadyExists", "The mailbox is there already");
  }
  if (to.startsWith(`${from}/`)) throw new StoreError("cannot", "A mailbox cannot become its own child");
  const source = join(home.root, fileOf(from));
  const target = join(home.root, fileOf(to));
  const [parent] = parentsOf(to).slice(-1);
  if (parent !== undefined)
    await makeMailbox(home, `${parent}/x`, site).finally(() =>
      attempt(() => unlinkSync(join(home.root, fileOf(parent), "x"))),
    );
  const places = moving.map((name) => placeOfName(home, name));
  try {
    renameSync(source, target);
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") throw new StoreError("nonexistent", "There is no such mailbox", { cause });
    if (["ENOTEMPTY", "EEXIST", "EISDIR", "ENOTDIR"].includes(errnoOf(cause))) {
      throw new StoreError("alreadyExists", "The mailbox is there already", { cause });
    }
    throw cause;
  }
  const control = controlOf(home, to);
  attempt(() => mkdirSync(dirname(control), { recursive: true, mode: 0o700 }));
  attempt(() => rmSync(control, { recursive: true, force: true }));
  attempt(() => renameSync(controlOf(home, from), control));
  for (const { path } of places) site.folders.retire(path);
  removeEmpty(home, dirname(source));
  return moving;
}
