/** One account's mailboxes on disk: where each is, which there are. Names are checked here (`StoreError` `cannot`). */

import { type Dirent, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, type NamesOfAccount } from "postern/store";
import {
  canonicalName,
  directoryOf,
  type Layout,
  MAX_DEPTH,
  nameOf,
  otherDirectoryOf,
  spellingOf,
} from "./folder-name.ts";

const OWN_STEPS: ReadonlySet<string> = new Set(["cur", "new", "tmp"]);

/** What stands beside mailboxes. */
const NO_NAMES = /^(?:cur|new|tmp|dovecot.*|postern.*|maildir.*)$|\.lock$/;

export const isMailbox = (path: string): boolean =>
  statSync(join(path, "cur"), { throwIfNoEntry: false })?.isDirectory() ?? false;

export class MailboxTree implements NamesOfAccount {
  /** The Maildir of the account, which is the INBOX. */
  readonly root: string;
  readonly layout: Layout;

  constructor(root: string, layout: Layout) {
    this.root = root;
    this.layout = layout;
  }

  /** Which mailboxes were given which special uses. */
  get specialUses(): string {
    return join(this.root, "postern-special-use");
  }

  canonical(name: string): string {
    return canonicalName(name, this.layout);
  }

  /** Of a canonical name, whether it is there or not; where another program made it in the other encoding, there. */
  pathOf(name: string): string {
    const usual = join(this.root, directoryOf(name, this.layout));
    const other = otherDirectoryOf(name, this.layout);
    if (other === null || statSync(usual, { throwIfNoEntry: false })) return usual;
    const path = join(this.root, other);
    if (statSync(path, { throwIfNoEntry: false })) return path;
    return this.#directories().find((directory) => directory.name === name)?.path ?? usual;
  }

  /** Where a canonical name is made: below its parent as that is there already. */
  newPathOf(name: string): string {
    const slash = name.lastIndexOf("/");
    const parent = name.slice(0, slash);
    if (this.layout.kind !== "fs" || slash < 0 || parent === "INBOX")
      return join(this.root, directoryOf(name, this.layout));
    return join(this.pathOf(parent), spellingOf(name.slice(slash + 1), this.layout));
  }

  exists(name: string): boolean {
    return isMailbox(this.pathOf(name));
  }

  /** Names that exist as directories with mail, INBOX among them. */
  names(): readonly string[] {
    const names = new Set(["INBOX"]);
    for (const { name, path } of this.#directories()) if (isMailbox(path)) names.add(name);
    return [...names];
  }

  /** Other directories with mail that stand for the same name: they are not shown. */
  twinsOf(name: string): readonly string[] {
    if (name === "INBOX" || otherDirectoryOf(name, this.layout) === null) return [];
    const shown = this.pathOf(name);
    const all = this.#directories().filter((directory) => directory.name === name && directory.path !== shown);
    return all.flatMap(({ path }) => (isMailbox(path) ? [path] : []));
  }

  /** Directories in which others may make mailboxes. */
  holders(): readonly string[] {
    if (this.layout.kind !== "fs") return [this.root];
    return [this.root, ...this.#directories().map(({ path }) => path)];
  }

  /** Whether an entry of a holder may be a mailbox, or the list of subscriptions. */
  mayName(entry: string): boolean {
    if (entry === "subscriptions") return true;
    return this.layout.kind === "fs" ? !NO_NAMES.test(entry) : entry.startsWith(".");
  }

  #directories(): readonly { readonly name: string; readonly path: string }[] {
    const found: { name: string; path: string }[] = [];
    const isFs = this.layout.kind === "fs";
    const look = (directory: string, depth: number): void => {
      for (const entry of entriesOf(join(this.root, directory))) {
        if (!entry.isDirectory() || (isFs && OWN_STEPS.has(entry.name))) continue;
        const below = directory === "" ? entry.name : `${directory}/${entry.name}`;
        const name = nameOf(below, this.layout);
        if (name !== null) found.push({ name, path: join(this.root, below) });
        if (isFs && depth < MAX_DEPTH) look(below, depth + 1);
      }
    };
    look("", 1);
    return found;
  }
}

/** None if it is gone. */
function entriesOf(path: string): readonly Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return [];
    throw cause;
  }
}
