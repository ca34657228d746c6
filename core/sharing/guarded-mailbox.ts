/**
 * A mailbox of somebody, held open by a login: the store's own handle behind the login's rights, which are asked anew for each change. To
 * readers other than the owner `\Seen` is their own. Who loses the right to read finds the mailbox gone at the next `sync`.
 */
import type { Readable } from "node:stream";
import {
  type CopyResult,
  type FlagChange,
  type Mailbox,
  type MailboxChanges,
  type Snapshot,
  StoreError,
} from "../contracts/mailbox-store.ts";
import type { Right, Rights } from "../mail/acl-rights.ts";
import type { MessageGist, MessageOverview } from "../mail/overview.ts";
import type { Structure } from "../mail/structure/structure.ts";
import { allowedChange, isSeenFlag } from "./flag-rights.ts";
import { mergedChanges } from "./merged-changes.ts";
import type { ReadersSeen } from "./reader-seen.ts";
import { ReaderSnapshot } from "./reader-snapshot.ts";
import type { SeenState } from "./seen-state.ts";

export interface Guard {
  /** As the login calls it. */
  readonly name: string;
  readonly isReadOnly: boolean;
  /** Another handle, to be written through, for a login that had no such right when it opened this one. */
  writable(): Promise<Mailbox>;
  /** What the login may do now. Rejects where it cannot be told. */
  rights(): Promise<Rights>;
  /** COPY and MOVE to a name of the login's. */
  transfer(
    source: GuardedMailbox,
    uids: readonly number[],
    to: { target: string; isMove: boolean },
  ): Promise<CopyResult>;
  /** `null`: `\Seen` is the mailbox's own. */
  readonly own: ReturnType<ReadersSeen["hold"]> | null;
}

export class GuardedMailbox implements Mailbox {
  readonly name: string;
  readonly isReadOnly: boolean;
  /** The store's handle. */
  readonly inner: Mailbox;
  rights: Rights;
  readonly #guard: Guard;
  #state: SeenState | null;
  #shown: ReaderSnapshot | null = null;
  readonly #listeners = new Map<() => void, () => void>();

  constructor(inner: Mailbox, guard: Guard, rights: Rights) {
    this.inner = inner;
    this.name = guard.name;
    this.isReadOnly = guard.isReadOnly;
    this.#guard = guard;
    this.rights = rights;
    this.#state = guard.own?.seen.state ?? null;
  }

  get uidValidity(): number {
    return this.inner.uidValidity;
  }

  get mailboxId(): string {
    return this.inner.mailboxId;
  }

  get keywords(): readonly string[] {
    return this.inner.keywords;
  }

  get canAddKeywords(): boolean {
    return this.rights.has("w") && this.inner.canAddKeywords;
  }

  get recent(): ReadonlySet<number> {
    return this.inner.recent;
  }

  get snapshot(): Snapshot {
    const { snapshot } = this.inner;
    const state = this.#state;
    if (state === null || !this.#guard.own) return snapshot;
    if (this.#shown?.base !== snapshot || this.#shown.state !== state)
      this.#shown = new ReaderSnapshot(snapshot, state, this.#guard.own.seen.entries);
    return this.#shown;
  }

  async sync(): Promise<Snapshot> {
    this.rights = await this.#guard.rights();
    // RFC 4314 4: whoever may not read it has no mailbox to select.
    if (!this.rights.has("r")) throw new StoreError("nonexistent", "There is no such mailbox");
    // First what was seen: the store's snapshot is then no older than what the reader's modseqs say.
    const state = (await this.#guard.own?.seen.refresh()) ?? null;
    await this.inner.sync();
    this.#state = state;
    return this.snapshot;
  }

  onChange(listener: () => void): () => void {
    const { own } = this.#guard;
    const heard = () => listener();
    this.#listeners.set(listener, heard);
    own?.seen.listeners.add(heard);
    const stop = this.inner.onChange(listener);
    return () => {
      own?.seen.listeners.delete(heard);
      this.#listeners.delete(listener);
      stop();
    };
  }

  content(uid: number, range?: { readonly start: number; readonly length: number }): Promise<Readable> {
    return this.inner.content(uid, range);
  }

  bytes(uid: number, limitBytes: number): Buffer | null | Promise<Buffer | null> {
    return this.inner.bytes(uid, limitBytes);
  }

  structure(uid: number): Structure | Promise<Structure> {
    return this.inner.structure(uid);
  }

  overview(uid: number): MessageOverview | Promise<MessageOverview> {
    return this.inner.overview(uid);
  }

  gist(uid: number): MessageGist | Promise<MessageGist> {
    return this.inner.gist(uid);
  }

  knownGist(uid: number): MessageGist | null {
    return this.inner.knownGist(uid);
  }

  async changesSince(modseq: number): Promise<MailboxChanges> {
    const { snapshot } = this;
    if (!(snapshot instanceof ReaderSnapshot)) return this.inner.changesSince(modseq);
    if (modseq >= snapshot.highestModseq) {
      return { changed: [], vanished: [], isExact: true, highestModseq: snapshot.highestModseq };
    }
    return mergedChanges(await this.inner.changesSince(snapshot.state.lowered(modseq)), snapshot, modseq);
  }

  /** Rejects with `noPermission` where one of the rights is missing. */
  async demand(...wanted: readonly Right[]): Promise<void> {
    this.rights = await this.#guard.rights();
    if (this.isReadOnly || !wanted.every((right) => this.rights.has(right)))
      throw new StoreError("noPermission", "You may not do that with this mailbox");
  }

  async store(uids: readonly number[], change: FlagChange): Promise<{ readonly unchanged: readonly number[] }> {
    await this.demand();
    const allowed = allowedChange(change, this.rights, this.inner.keywords);
    if (!allowed) throw new StoreError("noPermission", "You may not change these flags");
    const { own } = this.#guard;
    const isWhole = !own && ["s", "w", "t"].every((right) => this.rights.has(right as Right));
    if (isWhole) return this.writing((mailbox) => mailbox.store(uids, change));
    const { unchangedSince } = change;
    const unchanged = new Set(unchangedSince === undefined ? [] : await this.#changedAfter(uids, unchangedSince));
    const rest = () => uids.filter((uid) => !unchanged.has(uid));
    const isTheirs = (flag: string) => !own || !isSeenFlag(flag);
    const steps = [
      { mode: "remove", flags: allowed.remove.filter(isTheirs) },
      { mode: "add", flags: allowed.add.filter(isTheirs) },
    ] as const;
    let condition = unchangedSince;
    for (const { mode, flags } of steps) {
      if (flags.length === 0) continue;
      const bound = condition === undefined ? {} : { unchangedSince: this.#state?.lowered(condition) ?? condition };
      const result = await this.writing((mailbox) => mailbox.store(rest(), { mode, flags, ...bound }));
      for (const uid of result.unchanged) unchanged.add(uid);
      condition = undefined;
    }
    if (allowed.add.some(isSeenFlag)) await this.markSeen(rest(), true);
    else if (allowed.remove.some(isSeenFlag)) await this.markSeen(rest(), false);
    return { unchanged: uids.filter((uid) => unchanged.has(uid)) };
  }

  /** With a handle of the store's that may be written through. */
  async writing<T>(work: (mailbox: Mailbox) => Promise<T>): Promise<T> {
    if (!this.inner.isReadOnly) return work(this.inner);
    const mailbox = await this.#guard.writable();
    try {
      return await work(mailbox);
    } finally {
      await mailbox.close();
      await this.inner.sync();
    }
  }

  /** RFC 7162 3.1.3, by what this reader sees. */
  async #changedAfter(uids: readonly number[], modseq: number): Promise<readonly number[]> {
    const snapshot = await this.sync();
    return uids.filter((uid) => {
      const index = snapshot.indexOf(uid);
      return index < snapshot.size && snapshot.at(index).uid === uid && snapshot.at(index).modseq > modseq;
    });
  }

  /** For readers with a `\Seen` of their own; with others it is a flag like all. */
  async markSeen(uids: readonly number[], isSeen: boolean): Promise<void> {
    const { own } = this.#guard;
    if (!own || uids.length === 0) return;
    const changed = await own.seen.change(this.inner, uids, isSeen);
    this.#state = own.seen.state;
    if (changed.length === 0) return;
    const [ours] = this.#listeners.values();
    own.tellOthers(ours ?? (() => {}));
  }

  async expunge(uids: readonly number[] | null): Promise<readonly number[]> {
    await this.demand("e");
    return this.writing((mailbox) => mailbox.expunge(uids));
  }

  async copy(uids: readonly number[], target: string): Promise<CopyResult> {
    this.rights = await this.#guard.rights();
    if (!this.rights.has("r")) throw new StoreError("noPermission", "You may not read this mailbox");
    return this.#guard.transfer(this, uids, { target, isMove: false });
  }

  async move(uids: readonly number[], target: string): Promise<CopyResult> {
    // RFC 6851 4.4
    await this.demand("r", "t", "e");
    return this.#guard.transfer(this, uids, { target, isMove: true });
  }

  async close(): Promise<void> {
    const { own } = this.#guard;
    for (const heard of this.#listeners.values()) own?.seen.listeners.delete(heard);
    this.#listeners.clear();
    own?.release();
    await this.inner.close();
  }
}
