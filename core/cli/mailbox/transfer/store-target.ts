/** An account's mailboxes as a target. Names and flags that the store cannot have are made fit, and the operator is told. */
import { createHash } from "node:crypto";
import type { AccountMailboxes, Mailbox, NewMessage } from "../../../contracts/mailbox-store.ts";
import { exitCodes } from "../../../kernel/exit-codes.ts";
import { CommandError } from "../../command-error.ts";
import type { SourceFolder } from "./source.ts";
import type { OpenTarget, Prepared, Target } from "./target.ts";

export interface StoreTargetOptions {
  readonly isBeyondQuota: boolean;
  readonly note: (text: string) => void;
}

export function storeTarget(
  id: string,
  mail: AccountMailboxes,
  { close, ...options }: StoreTargetOptions & { readonly close: () => Promise<void> },
): Target {
  return {
    id,
    close,
    async open(folder) {
      const name = await made(mail, folder, options);
      return new StoreFolder(mail, await mail.open(name), options);
    },
  };
}

/** The mailbox, made where it is missing; its name here. */
async function made(mail: AccountMailboxes, folder: SourceFolder, { note }: StoreTargetOptions): Promise<string> {
  for (const name of [folder.name, plainName(folder.name)]) {
    try {
      const listing = (await mail.list()).find((one) => one.name === name);
      if (!listing?.isSelectable && name !== "INBOX") await create(mail, { ...folder, name });
      if (folder.isSubscribed && !listing?.isSubscribed) await mail.subscribe(name);
      if (name !== folder.name) note(`${folder.name} is called ${name} here: the store cannot have its name`);
      return name;
    } catch (cause) {
      if (codeOf(cause) !== "cannot") throw cause;
    }
  }
  throw new CommandError(
    `${folder.name} cannot be a mailbox here: say --rename '${folder.name}=NAME'`,
    exitCodes.dataError,
  );
}

async function create(mail: AccountMailboxes, { name, specialUse }: SourceFolder): Promise<void> {
  try {
    if (specialUse === null) await mail.create(name);
    else await mail.create(name, specialUse);
  } catch (cause) {
    if (codeOf(cause) === "alreadyExists") return;
    // Another mailbox has the use, or the store knows it by the name.
    if (codeOf(cause) !== "cannot" || specialUse === null) throw cause;
    await mail.create(name);
  }
}

/** Dots are what Maildir++ cannot have; other characters are rarely met. */
const plainName = (name: string): string =>
  name
    .split("/")
    .map((part) => part.replace(/[.\p{Cc}\u2028\u2029]/gu, "_").replace(/^~/, "_") || "_")
    .join("/");

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";

class StoreFolder implements OpenTarget {
  readonly #mail: AccountMailboxes;
  readonly #options: StoreTargetOptions;
  #mailbox: Mailbox;

  constructor(mail: AccountMailboxes, mailbox: Mailbox, options: StoreTargetOptions) {
    this.#mail = mail;
    this.#mailbox = mailbox;
    this.#options = options;
  }

  get name(): string {
    return this.#mailbox.name;
  }

  get uidValidity(): number {
    return this.#mailbox.uidValidity;
  }

  async isEmpty(): Promise<boolean> {
    return (await this.#mailbox.sync()).size === 0;
  }

  async keepUids(from: { readonly uidValidity: number; readonly uidNext: number }): Promise<boolean> {
    const { name } = this.#mailbox;
    const isKept = await this.#mail.takeUids(name, from);
    if (isKept && this.#mailbox.uidValidity !== from.uidValidity) {
      await this.#mailbox.close();
      this.#mailbox = await this.#mail.open(name);
    }
    return isKept;
  }

  async mark(): Promise<number> {
    return (await this.#mailbox.sync()).uidNext;
  }

  async append(messages: readonly Prepared[]): Promise<readonly number[]> {
    try {
      return (
        await this.#mail.append(
          this.name,
          messages.map((message) => this.#newMessage(message)),
        )
      ).uids;
    } catch (cause) {
      if (codeOf(cause) === "overQuota") {
        throw new CommandError(
          `${this.name}: the account is full; what was brought so far stays. Say --beyond-quota to bring the rest all the same`,
          exitCodes.cannotCreate,
          { cause },
        );
      }
      if (codeOf(cause) !== "limit") throw cause;
      this.#options.note(`${this.name} has no room for more keywords: some messages come without theirs`);
      const bare = messages.map((message) => ({
        ...message,
        flags: message.flags.filter((flag) => flag.startsWith("\\")),
      }));
      return (
        await this.#mail.append(
          this.name,
          bare.map((message) => this.#newMessage(message)),
        )
      ).uids;
    }
  }

  #newMessage({ content, flags, internalDate, uid, uniqueId }: Prepared): NewMessage {
    return {
      content: [content],
      sizeBytes: content.length,
      flags: flags.filter(isFlag),
      ...(internalDate !== null && { internalDate }),
      ...(uid !== null && { uid }),
      ...(uid !== null && uniqueId !== undefined && { uniqueId }),
      ...(this.#options.isBeyondQuota && { isBeyondQuota: true }),
    };
  }

  async recover(mark: number, digests: readonly string[]): Promise<ReadonlyMap<string, readonly number[]>> {
    const snapshot = await this.#mailbox.sync();
    const wanted = new Set(digests);
    const found = new Map<string, number[]>();
    for (let index = snapshot.indexOf(mark); index < snapshot.size; index++) {
      const { uid } = snapshot.at(index);
      const hash = createHash("sha256");
      for await (const piece of await this.#mailbox.content(uid)) hash.update(piece as Buffer);
      const digest = hash.digest("hex");
      if (wanted.has(digest)) found.set(digest, [...(found.get(digest) ?? []), uid]);
    }
    return found;
  }

  async setFlags(uid: number, flags: readonly string[]): Promise<void> {
    await this.#mailbox.sync();
    await this.#mailbox.store([uid], { mode: "replace", flags: flags.filter(isFlag) });
  }

  async remove(uids: readonly number[]): Promise<void> {
    await this.#mailbox.sync();
    await this.#mailbox.store(uids, { mode: "add", flags: ["\\Deleted"] });
    await this.#mailbox.expunge(uids);
  }

  close(): Promise<void> {
    return this.#mailbox.close();
  }
}

const SYSTEM_FLAGS: ReadonlySet<string> = new Set(["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"]);

/** What every store takes: the system flags, and keywords that are atoms (RFC 3501 9). */
const isFlag = (flag: string): boolean =>
  SYSTEM_FLAGS.has(flag) || /^[^\\(){ %*"\]\u0000-\u0020\u007f-\uffff]+$/.test(flag);
