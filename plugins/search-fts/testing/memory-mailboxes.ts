/** One mailbox in memory, as much of it as an index uses, for tests. */
import { parseStructure } from "postern/mail";
import type { Mailbox, MessageEntry, Snapshot } from "postern/plugin";
import { StoreError } from "postern/plugin";

export class MemoryMailboxes {
  readonly place = { name: "INBOX", mailboxId: "box" };
  /** Messages that were read. */
  reads = 0;
  #entries: readonly MessageEntry[] = [];
  #uidNext = 1;
  readonly #content = new Map<number, Buffer>();
  readonly #listeners = new Set<() => void>();

  get uids(): number[] {
    return this.#entries.map(({ uid }) => uid);
  }

  add(message: string): void {
    const bytes = Buffer.from(message, "latin1");
    const uid = this.#uidNext++;
    this.#content.set(uid, bytes);
    const entry = {
      uid,
      flags: new Set<string>(),
      modseq: uid,
      internalDate: 0,
      sizeBytes: bytes.length,
      saveDate: null,
    };
    this.#entries = [...this.#entries, entry];
    this.#tell();
  }

  remove(uid: number): void {
    this.#content.delete(uid);
    this.#entries = this.#entries.filter((entry) => entry.uid !== uid);
    this.#tell();
  }

  async open(): Promise<
    Pick<Mailbox, "mailboxId" | "snapshot" | "sync" | "onChange" | "bytes" | "structure" | "close">
  > {
    let snapshot = this.#snapshot();
    const contentOf = (uid: number): Buffer => {
      this.reads++;
      const bytes = this.#content.get(uid);
      if (!bytes) throw new StoreError("expunged", "gone");
      return bytes;
    };
    return {
      mailboxId: this.place.mailboxId,
      get snapshot() {
        return snapshot;
      },
      sync: async () => {
        snapshot = this.#snapshot();
        return snapshot;
      },
      onChange: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      bytes: async (uid) => contentOf(uid),
      structure: async (uid) => parseStructure(contentOf(uid)),
      close: async () => undefined,
    };
  }

  #snapshot(): Snapshot {
    const entries = this.#entries;
    return {
      uidNext: this.#uidNext,
      highestModseq: this.#uidNext,
      size: entries.length,
      at: (index) => entries[index] as MessageEntry,
      indexOf: (uid) => entries.filter((entry) => entry.uid < uid).length,
    };
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
