/**
 * Keeps the index of one mailbox up to date while somebody holds it: reads what the index does not know, a little at a time and in the
 * background. One process does so at a time, by a lease. Never rejects: what fails is logged and tried again when the mailbox changes.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { AccountMailboxes, KeyValue, Log, Mailbox, MessageEntry } from "postern/plugin";
import type { MailboxFiles } from "./mailbox-files.ts";
import { signMessage } from "./sign-message.ts";
import type { TailRecord } from "./tail.ts";
import { Signature } from "./trigrams.ts";
import { UidSet } from "./uid-set.ts";

/** Work and rest in turn: an index may take its time. */
const sliceMs = 4;
const restMs = 4;
/** Records that are written together. */
const batch = 128;
/** Hints that come close together are one. */
const settleMs = 500;
/** Another process is at it. */
const turnMs = 5000;

interface Source {
  readonly mailboxes: AccountMailboxes;
  readonly name: string;
  readonly mailboxId: string;
}

export interface FollowerParts {
  readonly files: MailboxFiles;
  /** Name of the lease. */
  readonly key: string;
  readonly keyValue: KeyValue;
  readonly log: Log;
  /** Asked before anything is written; `false`: there is no room. */
  readonly hasRoom: () => boolean;
}

export class Follower {
  readonly #parts: FollowerParts;
  readonly #source: Source;
  readonly #ended = new AbortController();
  #isWanted = false;
  #wake: () => void = () => undefined;
  #running: Promise<void> | null = null;
  #since = performance.now();

  constructor(source: Source, parts: FollowerParts) {
    this.#source = source;
    this.#parts = parts;
  }

  /** Looks for what is new, now and whenever the mailbox changes. Safe to call often. */
  start(): void {
    if (this.#ended.signal.aborted) return;
    this.#isWanted = true;
    this.#running ??= this.#run().catch((fault: unknown) => {
      this.#running = null;
      if (!this.#ended.signal.aborted)
        this.#parts.log.warn(
          { err: fault, mailbox: this.#source.name },
          "full-text index cannot be kept up to date now",
        );
    });
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#ended.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    const mailbox = await this.#source.mailboxes.open(this.#source.name, { isReadOnly: true });
    const stopListening = mailbox.onChange(() => {
      this.#isWanted = true;
      this.#wake();
    });
    try {
      // Another one by the same name is none of ours.
      while (!signal.aborted && mailbox.mailboxId === this.#source.mailboxId) {
        this.#isWanted = false;
        await mailbox.sync();
        const isDone = await this.#catchUp(mailbox);
        if (!isDone) await sleep(turnMs, undefined, { signal, ref: false });
        else if (this.#isWanted) await sleep(settleMs, undefined, { signal, ref: false });
        else await this.#nextHint();
      }
    } finally {
      stopListening();
      await mailbox.close();
    }
  }

  #nextHint(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#isWanted || this.#ended.signal.aborted) resolve();
    });
  }

  /** Answers whether it was this process's turn. */
  async #catchUp(mailbox: Mailbox): Promise<boolean> {
    const { files, keyValue, key } = this.#parts;
    const lease = await keyValue.lease(`search-fts:${key}`, 1);
    if (lease === null) return false;
    try {
      let known = await files.known();
      if (known.size > 1000 && known.size > 2 * mailbox.snapshot.size) {
        // Most of it is about messages that are gone.
        files.remove();
        known = new UidSet();
      }
      await this.#index(mailbox, known);
    } finally {
      lease.release();
    }
    return true;
  }

  async #index(mailbox: Mailbox, known: UidSet): Promise<void> {
    const { files, hasRoom } = this.#parts;
    const { snapshot } = mailbox;
    const signing = { signature: new Signature(), breathe: () => this.#breathe() };
    let records: TailRecord[] = [];
    for (let at = 0; at < snapshot.size && !this.#ended.signal.aborted; at++) {
      const entry = snapshot.at(at);
      if (known.has(entry.uid)) continue;
      if (records.length === 0 && !hasRoom()) return;
      const record = await this.#sign(mailbox, entry, signing);
      if (record) records.push(record);
      if (records.length >= batch) {
        files.append(records);
        records = [];
      }
      const pause = this.#breathe();
      if (pause) await pause;
    }
    if (records.length > 0) files.append(records);
  }

  async #sign(
    mailbox: Mailbox,
    entry: MessageEntry,
    signing: Parameters<typeof signMessage>[2],
  ): Promise<TailRecord | null> {
    try {
      return await signMessage(mailbox, entry, signing);
    } catch (fault) {
      if ((fault as { code?: unknown }).code === "expunged") return null;
      // It stays unknown, so searches read it and say what is wrong with it.
      this.#parts.log.debug({ err: fault, uid: entry.uid }, "message cannot be indexed");
      return null;
    }
  }

  #breathe(): void | Promise<void> {
    if (performance.now() - this.#since < sliceMs) return;
    return this.#rest();
  }

  async #rest(): Promise<void> {
    await sleep(restMs, undefined, { ref: false });
    this.#since = performance.now();
  }
}
