/**
 * A folder's part in the index of mailboxes (ADR 12): what it shows is registered first, what other processes registered comes with it. A
 * listing that another process has made need not be made again. Where the index is gone the folder goes on by itself.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import type { IndexedMailbox, IndexedMessage, IndexHead, KnownMessage, Registered } from "postern/plugin";
import { lettersOf } from "./file-name.ts";
import type { MessageFile } from "./message-file.ts";
import { type DirectoryTimes, timesOf } from "./scan.ts";
import type { Site } from "./site.ts";
import type { Entry } from "./snapshot.ts";

/** What a mailbox is called in the index: a copy of the directory has another inode, one made anew another id. */
export interface IndexName {
  readonly path: string;
  readonly mailboxId: string;
  readonly uidValidity: number;
}

export interface Proposal {
  /** The modseq up to which the folder knows what others registered. */
  readonly since: number;
  readonly modseq: number;
  readonly put: Iterable<Entry>;
  readonly vanished: Iterable<number>;
  readonly uidNext: number;
  /** Empty where the disk must be looked at again. */
  readonly cursor: string;
}

/** There may be very many: objects of one shape. */
const toIndex = (file: MessageFile, modseq = 0): KnownMessage => ({
  uid: file.uid,
  flags: lettersOf(file.name),
  place: `${file.where}/${file.name}`,
  internalDate: file.knownDate,
  sizeBytes: file.knownSizeBytes,
  modseq,
});

export const learnedOf = (file: MessageFile): Pick<IndexedMessage, "internalDate" | "sizeBytes"> => ({
  internalDate: file.knownDate,
  sizeBytes: file.knownSizeBytes,
});

/** Where a message stands, by its place in the index; `null` for what we would not have written. */
export function placeOf(place: string): { readonly where: "new" | "cur"; readonly name: string } | null {
  const where = place.slice(0, 3);
  const name = place.slice(4);
  const isName = name !== "" && !name.startsWith(".") && !name.includes("/");
  return (where === "new" || where === "cur") && place[3] === "/" && isName ? { where, name } : null;
}

export class FolderIndex {
  readonly #site: Site;
  readonly #id: string;
  readonly mailbox: IndexedMailbox;
  /** Messages in another place than the index says. */
  readonly #moved = new Set<MessageFile>();
  #moves = 0;
  #isBegun = false;
  #cursor = "";

  private constructor(site: Site, id: string, mailbox: IndexedMailbox) {
    this.#site = site;
    this.#id = id;
    this.mailbox = mailbox;
  }

  static async open(site: Site, { path, mailboxId, uidValidity }: IndexName): Promise<FolderIndex | null> {
    const directory = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (!site.index || !directory) return null;
    const id = `maildir ${mailboxId} ${uidValidity} ${directory.ino}`;
    const mailbox = await site.index.open(id);
    return mailbox && new FolderIndex(site, id, mailbox);
  }

  head(): IndexHead | null {
    return this.mailbox.head();
  }

  /** All messages as the index has them, and what was registered meanwhile; `null` if there is nothing to go by. */
  async load(): Promise<{ readonly head: IndexHead; readonly messages: readonly KnownMessage[] } | null> {
    const messages: KnownMessage[] = [];
    const before = await this.mailbox.load((message) => messages.push(message));
    const news = before && this.mailbox.news(before.highestModseq);
    if (!news) return null;
    this.saw(news.head);
    this.#isBegun = true;
    return { head: news.head, messages: amended(messages, news.others) };
  }

  /** Whether it can begin with what the folder found on the disk; `false`: another process was faster. */
  async begin(
    entries: Iterable<Entry>,
    how: { readonly modseq: number; readonly uidNext: number; readonly cursor: string },
  ): Promise<boolean> {
    function* all(): Generator<KnownMessage> {
      for (const entry of entries) yield toIndex(entry.file, entry.modseq);
    }
    this.#moved.clear();
    this.#cursor = how.cursor;
    this.#isBegun = await this.mailbox.replace({ ...how, put: all() });
    return this.#isBegun;
  }

  /** Whether the index knows the mailbox. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  commit({ put, vanished, ...how }: Proposal): Registered | null {
    const messages = [...put].map(({ file }) => toIndex(file));
    const told = new Set(messages.map(({ uid }) => uid));
    const moved = [...this.#moved].filter(({ uid }) => !told.has(uid)).map((file) => toIndex(file));
    const registered = this.mailbox.commit({ ...how, put: messages, moved, vanished: [...vanished] });
    if (!registered) return null;
    if (moved.length > 0) this.#moves = this.mailbox.head()?.moves ?? this.#moves;
    this.#moved.clear();
    this.#cursor = registered.refused.length > 0 ? "" : how.cursor;
    return registered;
  }

  /** The file stands elsewhere now; registered with the next commit. */
  moved(file: MessageFile): void {
    this.#moved.add(file);
  }

  gone(file: MessageFile): void {
    this.#moved.delete(file);
  }

  /** Whether a commit would tell anybody something, though no message changed. */
  hasNews(cursor: string): boolean {
    return this.#moved.size > 0 || cursor !== this.#cursor;
  }

  saw({ cursor, moves }: IndexHead): void {
    this.#cursor = cursor;
    this.#moves = moves;
  }

  /** Whether what the index says is the mailbox as it is on the disk: another process has listed it, and nothing was moved. */
  vouches({ cursor, moves }: IndexHead, current: string): boolean {
    return cursor !== "" && cursor === current && moves === this.#moves;
  }

  forget(): void {
    this.#site.index?.forget(this.#id);
  }
}

/** With what was registered while they were read. */
function amended(messages: readonly KnownMessage[], others: Registered["others"]): readonly KnownMessage[] {
  if (others.put.length === 0 && others.vanished.length === 0) return messages;
  const found = new Map(messages.map((message) => [message.uid, message]));
  for (const uid of others.vanished) found.delete(uid);
  for (const message of others.put) found.set(message.uid, message);
  return [...found.values()].sort((a, b) => a.uid - b.uid);
}

/** The disk as a listing of that time saw it; empty if it is another now. A changed inode or ctime gives away a copy that kept the times. */
export function cursorOf(path: string, known: DirectoryTimes, words: readonly (string | null)[]): string {
  const times = timesOf(path);
  if (!times || times.newNs !== known.newNs || times.curNs !== known.curNs) return "";
  const identity = ["new", "cur"].map((step) => {
    const stats = statSync(join(path, step), { bigint: true, throwIfNoEntry: false });
    return `${stats?.ino}.${stats?.ctimeNs}`;
  });
  return JSON.stringify([String(times.newNs), String(times.curNs), ...identity, words]);
}

/** Keywords that the letters meant when the cursor was made. */
export function wordsIn(cursor: string): string {
  if (cursor === "") return "";
  const parts: unknown = JSON.parse(cursor);
  return JSON.stringify(Array.isArray(parts) ? parts[4] : null);
}
