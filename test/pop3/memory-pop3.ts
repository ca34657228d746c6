/**
 * POP3 without sockets and disk, for what real ones cannot be made to do: faults of a store at a chosen place, very large
 * maildrops, thousands of sessions. Users `ann` and `bob` with one maildrop, password `secret word`; the plugin itself is the real one.
 */
import { Readable } from "node:stream";
import { type LoginStep, type Logins, StoreError } from "../../core/api/plugin.ts";
import type { KeyValue } from "../../core/contracts/key-value.ts";
import type { AccountMailboxes, Mailbox, MessageEntry, Snapshot } from "../../core/contracts/mailbox-store.ts";
import type { Connection } from "../../core/contracts/session.ts";
import { keptLog, type LogLine } from "../../core/testing/kernel.ts";
import { addressOf } from "../../core/testing/mail.ts";
import { MemoryClient } from "../../core/testing/memory-client.ts";
import { Admission } from "../../plugins/access-pop3/admission.ts";
import { converse } from "../../plugins/access-pop3/converse.ts";
import type { Options } from "../../plugins/access-pop3/options.ts";
import { pop3Options } from "./pop3-options.ts";

/** A mailbox that keeps messages by UID and does what it is told to, faults included. */
export class MemoryInbox {
  readonly messages = new Map<number, { octets: Buffer; flags: ReadonlySet<string> }>();
  /** Called at each use; what it throws is what the mailbox rejects with. */
  onUse: (what: "bytes" | "content" | "store" | "expunge" | "uniqueIds") => void = () => undefined;
  /** UIDs that cannot be removed. */
  readonly fixed = new Set<number>();
  /** Octets behind which a stream of a message breaks. */
  breaksBehind: number | null = null;
  isLocked = false;
  opened = 0;
  closed = 0;
  #snapshot: Snapshot | null = null;

  put(octets: string | Buffer, flags: readonly string[] = []): void {
    const uid = Math.max(0, ...this.messages.keys()) + 1;
    this.messages.set(uid, { octets: Buffer.from(octets), flags: new Set(flags) });
    this.#snapshot = null;
  }

  /** Instead of messages that are in memory. */
  show(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
  }

  get snapshot(): Snapshot {
    this.#snapshot ??= snapshotOf(
      [...this.messages].map(([uid, { octets, flags }]) => ({
        ...{ uid, flags, modseq: 1, internalDate: 0, saveDate: null },
        sizeBytes: octets.length,
      })),
    );
    return this.#snapshot;
  }

  get mailboxes(): AccountMailboxes {
    const lock = async () => {
      if (this.isLocked) return null;
      this.isLocked = true;
      return {
        release: async () => {
          this.isLocked = false;
        },
      };
    };
    return {
      lockMaildrop: lock,
      open: async () => this.#open(),
      uniqueIds: async ({ snapshot }: Mailbox) => {
        this.onUse("uniqueIds");
        return new Map(Array.from({ length: snapshot.size }, (_, index) => [snapshot.at(index).uid, `id${index}`]));
      },
    } as unknown as AccountMailboxes;
  }

  #open(): Mailbox {
    this.opened++;
    const box = {
      snapshot: this.snapshot,
      uidValidity: 1,
      bytes: async (uid: number, limitBytes: number) => {
        this.onUse("bytes");
        const { octets } = this.#message(uid);
        return octets.length > limitBytes ? null : octets;
      },
      content: async (uid: number) => {
        this.onUse("content");
        return Readable.from(this.#stream(this.#message(uid).octets), { objectMode: false });
      },
      store: async (uids: readonly number[], { flags }: { flags: readonly string[] }) => {
        this.onUse("store");
        for (const uid of uids) {
          const message = this.messages.get(uid);
          if (message) message.flags = new Set([...message.flags, ...flags]);
        }
        this.#snapshot = null;
        return { unchanged: [] };
      },
      expunge: async (uids: readonly number[]) => {
        this.onUse("expunge");
        const removed = uids.filter((uid) => this.messages.has(uid) && !this.fixed.has(uid));
        for (const uid of removed) this.messages.delete(uid);
        this.#snapshot = null;
        return removed;
      },
      sync: async () => this.snapshot,
      close: async () => {
        this.closed++;
      },
    };
    return box as unknown as Mailbox;
  }

  #message(uid: number) {
    const message = this.messages.get(uid);
    if (!message) throw new StoreError("expunged", "The message is gone");
    return message;
  }

  *#stream(octets: Buffer): Generator<Buffer> {
    for (let at = 0; at < octets.length; at += 16_384) {
      if (this.breaksBehind !== null && at >= this.breaksBehind) throw new StoreError("unavailable", "cut short");
      yield octets.subarray(at, at + 16_384);
    }
  }
}

export const snapshotOf = (entries: readonly MessageEntry[]): Snapshot => ({
  uidNext: (entries.at(-1)?.uid ?? 0) + 1,
  highestModseq: 1,
  size: entries.length,
  at(index) {
    const entry = entries[index];
    if (!entry) throw new RangeError(`no message at ${index}`);
    return entry;
  },
  indexOf: (uid) => {
    const index = entries.findIndex((entry) => entry.uid >= uid);
    return index < 0 ? entries.length : index;
  },
});

const failed = (cause: "invalid" | "malformed" | "mechanism" | "cancelled"): LoginStep => ({
  ...{ at: "failure", cause, isTemporary: false },
  text: "no",
});

/** PLAIN and LOGIN, without the time that real hashes take. */
const logins: Logins = {
  mechanisms: () => ["PLAIN", "LOGIN"],
  password: async (_, login, password) => checked(login, password),
  async begin(_, mechanism, initial) {
    const given: string[] = [];
    const wanted = mechanism === "PLAIN" ? 1 : 2;
    const take = (response: Uint8Array | null): LoginStep => {
      if (response) given.push(Buffer.from(response).toString());
      if (given.length < wanted) return { at: "challenge", data: Buffer.from(wanted === 1 ? "" : "User Name") };
      const [login = "", password = ""] = wanted === 1 ? (given[0] ?? "").split("\0").slice(1) : given;
      return login === "" ? failed("malformed") : checked(login, password);
    };
    const conversation = { next: async (response: Uint8Array) => take(response), cancel: () => undefined };
    if (mechanism !== "PLAIN" && mechanism !== "LOGIN") return { step: failed("mechanism"), conversation };
    return { step: take(initial), conversation };
  },
};

function checked(login: string, password: string): LoginStep {
  if ((login !== "ann" && login !== "bob") || password !== "secret word") return failed("invalid");
  const account = { login, addresses: [addressOf("ann@example.org")], home: "/nowhere", quotaBytes: null };
  return { at: "success", identity: { login, account } };
}

export interface MemoryPop3 {
  readonly inbox: MemoryInbox;
  readonly lines: readonly LogLine[];
  readonly serve: (connection: Connection) => void;
  /** Resolves when the session that began last has let go of everything. */
  ended(): Promise<void>;
  client(how?: { readonly reads?: boolean }): MemoryClient;
  /** A client that has logged in. */
  loggedIn(): Promise<MemoryClient>;
}

export function memoryPop3(options: Partial<Options> = {}, keyValue?: KeyValue): MemoryPop3 {
  const inbox = new MemoryInbox();
  const { log, lines } = keptLog();
  const all = { ...pop3Options, ...options };
  const nowhere = { space: () => ({}), lease: async () => ({ held: 1, release: () => undefined }) };
  const services = {
    ...{ logins, log, options: all },
    store: { of: async () => inbox.mailboxes },
    facts: { hostname: "mx.example.org" } as never,
    admission: new Admission({ options: all, keyValue: keyValue ?? (nowhere as unknown as KeyValue), clock: Date }),
  };
  let last: Promise<void> = Promise.resolve();
  const serve = (connection: Connection): void => {
    last = converse(connection, services);
  };
  const client = (how?: { readonly reads?: boolean }) => new MemoryClient(serve, how);
  return {
    ...{ inbox, lines, serve, client },
    ended: () => last,
    async loggedIn() {
      const one = client();
      one.send("USER ann\r\nPASS secret word\r\n");
      await one.until(/messages\r\n/);
      return one;
    },
  };
}
