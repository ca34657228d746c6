/** The index of one mailbox, as the contract has it, over one shard. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { DetailKind, IndexedMailbox, IndexHead, KnownMessage } from "../contracts/mailbox-index.ts";
import { assertSealed, CHECK_BYTES, seal } from "./checked.ts";
import { commit, messageAt } from "./commit.ts";
import type { ShardEnvironment } from "./environment.ts";
import { newsSince, vanishedIn } from "./journal.ts";
import { behind, detailKey, messageKey, scopeOf, uidOfMessage } from "./keys.ts";
import { sweepStep } from "./make-room.ts";
import { decodeHead, decodeMessage, encodeHead, encodeMessage, type Head } from "./records.ts";
import type { Shard } from "./shard.ts";

const SLICE = 1_000;
const SWEEP = 256;
const MAX_DETAIL_BYTES = 64 * 1024;
const kinds: Readonly<Record<DetailKind, number>> = { overview: 1, structure: 2 };

export interface OpenIndex {
  readonly shard: Shard;
  readonly mailbox: Buffer;
  readonly newEpoch: () => number;
  readonly today: () => number;
}

export function createIndexedMailbox({ shard, mailbox, newEpoch, today }: OpenIndex): IndexedMailbox {
  const headIn = ({ heads }: ShardEnvironment): Head | null => {
    const bytes = heads.get(mailbox);
    return bytes ? decodeHead(bytes, mailbox) : null;
  };

  /** A slice from `uid` on; `null` where the mailbox was begun anew meanwhile. */
  const slice = (epoch: number, uid: number): KnownMessage[] | null =>
    shard.with((environment) => {
      if (headIn(environment)?.epoch !== epoch) return null;
      const scope = scopeOf(mailbox, epoch);
      const found: KnownMessage[] = [];
      const range = { start: messageKey(scope, uid), end: behind(scope), limit: SLICE };
      for (const { key, value } of environment.messages.getRange(range)) {
        found.push(decodeMessage(value, value.length, { key, uid: uidOfMessage(key) }));
      }
      return found;
    });

  const putSlice = (scope: Buffer, messages: readonly KnownMessage[]): boolean =>
    shard.transact((environment) => {
      for (const message of messages) {
        const key = messageKey(scope, message.uid);
        environment.messages.put(key, encodeMessage(message, message.modseq, key));
      }
      return true;
    }) ?? false;

  return {
    head: () => shard.with(headIn),
    async load(each) {
      const head: IndexHead & { readonly epoch?: number } = shard.with(headIn) ?? noHead;
      if (head.epoch === undefined) return null;
      for (let uid = 1; ; ) {
        const found = slice(head.epoch, uid);
        if (found === null) return null;
        for (const message of found) each(message);
        const last = found.at(-1);
        if (!last || found.length < SLICE) return head;
        uid = last.uid + 1;
        await nextTurn();
      }
    },
    news: (since) =>
      shard.with((environment) => {
        const head = headIn(environment);
        if (!head) return null;
        const others = newsSince(environment, { scope: scopeOf(mailbox, head.epoch), head, since });
        return others && { head, others };
      }),
    commit: (wanted) =>
      shard.transact((environment) => {
        const head = headIn(environment);
        return head && commit(environment, mailbox, { head, wanted });
      }),
    async replace({ modseq, put, uidNext, cursor }) {
      const epoch = newEpoch();
      const scope = scopeOf(mailbox, epoch);
      let messages = 0;
      let waiting: KnownMessage[] = [];
      for (const message of put) {
        waiting.push(message);
        messages++;
        if (waiting.length < SLICE) continue;
        if (!putSlice(scope, waiting)) return false;
        waiting = [];
        await nextTurn();
      }
      if (!putSlice(scope, waiting)) return false;
      const isFirst = shard.transact((environment) => {
        if (headIn(environment)) return false;
        const journal = { journalEntries: 0, journalBytes: 0, exactSince: modseq };
        const head: Head = {
          epoch,
          messages,
          highestModseq: modseq,
          uidNext,
          cursor,
          moves: 0,
          usedDay: today(),
          ...journal,
        };
        environment.heads.put(mailbox, encodeHead(head, mailbox));
        return true;
      });
      // Another was faster, or a former one was killed before it was done: what it wrote goes now and then.
      sweepLater(shard, mailbox);
      return isFirst ?? false;
    },
    vanished: (since, until) =>
      shard.with((environment) => {
        const head = headIn(environment);
        return head && vanishedIn(environment, { scope: scopeOf(mailbox, head.epoch), head, since }, until);
      }),
    learn(uid, found) {
      const run = (environment: ShardEnvironment) => {
        const head = headIn(environment);
        const scope = head && scopeOf(mailbox, head.epoch);
        const known = scope && messageAt(environment, scope, uid);
        if (!known) return;
        const key = messageKey(scope, uid);
        environment.messages.put(key, encodeMessage({ ...known, ...found }, known.modseq, key));
      };
      shard.writer.add({ bytes: 128, run });
    },
    detail: (uid, kind) =>
      shard.with(({ details }) => {
        const key = detailKey(mailbox, uid, kinds[kind]);
        const bytes = details.getBinaryFast(key);
        if (!bytes) return null;
        assertSealed(bytes, bytes.length, key);
        return JSON.parse(bytes.toString("utf8", CHECK_BYTES, bytes.length));
      }),
    keep(uid, kind, value) {
      const json = JSON.stringify(value);
      if (json.length > MAX_DETAIL_BYTES) return;
      const key = detailKey(mailbox, uid, kinds[kind]);
      const bytes = Buffer.allocUnsafe(CHECK_BYTES + Buffer.byteLength(json));
      bytes.write(json, CHECK_BYTES);
      seal(bytes, key);
      shard.writer.add({ bytes: bytes.length, run: ({ details }) => void details.put(key, bytes) });
    },
  };
}

const noHead: IndexHead = { highestModseq: 0, uidNext: 0, messages: 0, cursor: "", moves: 0 };

/** What no head knows any more goes, some at a time: a mailbox that is deleted, or what another process wrote and gave up. */
export function sweepLater(shard: Shard, mailbox: Buffer): void {
  const run = (environment: ShardEnvironment) => {
    if (sweepStep(environment, mailbox, SWEEP)) setImmediate(() => sweepLater(shard, mailbox));
  };
  shard.writer.add({ bytes: 0, run });
}
