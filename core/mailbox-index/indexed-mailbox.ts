/** The index of one mailbox, as the contract has it, over one shard. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { DetailKind, IndexedMailbox, IndexHead, KnownMessage } from "../contracts/mailbox-index.ts";
import { commit, reserve } from "./commit.ts";
import { createDetails, type Details } from "./details.ts";
import type { ShardEnvironment } from "./environment.ts";
import { newsSince, vanishedIn } from "./journal.ts";
import { behind, blockKey, blockOf, blockOfKey, scopeOf } from "./keys.ts";
import { createLearner } from "./learner.ts";
import { sweepStep } from "./make-room.ts";
import { checkedBlock, messagesIn } from "./message-block.ts";
import { messagesOf, writeNew } from "./messages.ts";
import { decodeHead, encodeHead, type Head } from "./records.ts";
import type { Shard } from "./shard.ts";

/** Blocks that are read, and messages that are written, before others have their turn. */
const READ_BLOCKS = 64;
const WRITTEN_MESSAGES = 4_096;
const SWEEP = 256;

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

  /** Messages of some blocks, and the first block behind them, 0 if there is none; `null` where the mailbox was begun anew meanwhile. */
  const slice = (epoch: number, first: number): { messages: KnownMessage[]; next: number } | null =>
    shard.with((environment) => {
      if (headIn(environment)?.epoch !== epoch) return null;
      const scope = scopeOf(mailbox, epoch);
      const messages: KnownMessage[] = [];
      let [blocks, last] = [0, 0];
      const range = { start: blockKey(scope, first), end: behind(scope), limit: READ_BLOCKS };
      for (const { key, value } of environment.messages.getRange(range)) {
        for (const message of messagesIn(checkedBlock(value, key))) messages.push(message);
        last = blockOfKey(key);
        blocks++;
      }
      return { messages, next: blocks < READ_BLOCKS ? 0 : last + 1 };
    });

  const putSlice = (scope: Buffer, messages: readonly KnownMessage[]): boolean =>
    shard.transact((environment) => {
      writeNew(environment, scope, messages);
      return true;
    }) ?? false;

  const details: Readonly<Record<DetailKind, Details>> = {
    survey: createDetails(shard, mailbox, 1),
    gist: createDetails(shard, mailbox, 2),
  };

  return {
    head: () => shard.with(headIn),
    async load(each) {
      const head: IndexHead & { readonly epoch?: number } = shard.with(headIn) ?? noHead;
      if (head.epoch === undefined) return null;
      for (let block = 0; ; ) {
        const found = slice(head.epoch, block);
        if (found === null) return null;
        for (const message of found.messages) each(message);
        if (found.next === 0) return head;
        block = found.next;
        await nextTurn();
      }
    },
    news: (since) =>
      shard.with((environment) => {
        const head = headIn(environment);
        if (!head) return null;
        const scope = scopeOf(mailbox, head.epoch);
        const others = newsSince(environment, messagesOf(environment, scope), { scope, head, since });
        return others && { head, others };
      }),
    commit: (wanted) =>
      shard.transact((environment) => {
        const head = headIn(environment);
        return head && commit(environment, mailbox, { head, wanted });
      }),
    reserve: (wanted) =>
      shard.transact((environment) => {
        const head = headIn(environment);
        return head && reserve(environment, mailbox, { head, ...wanted });
      }),
    async replace({ modseq, put, uidNext, cursor }) {
      const epoch = newEpoch();
      const scope = scopeOf(mailbox, epoch);
      let messages = 0;
      let waiting: KnownMessage[] = [];
      for (const message of put) {
        const isSlice =
          waiting.length >= WRITTEN_MESSAGES && blockOf(waiting.at(-1)?.uid ?? 0) !== blockOf(message.uid);
        if (isSlice) {
          if (!putSlice(scope, waiting)) return false;
          waiting = [];
          await nextTurn();
        }
        waiting.push(message);
        messages++;
      }
      if (!putSlice(scope, waiting)) return false;
      const isFirst = shard.transact((environment) => {
        if (headIn(environment)) return false;
        const journal = { journalEntries: 0, journalBytes: 0, exactSince: modseq, reservedModseq: 0 };
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
    learn: createLearner(shard.writer, (environment) => {
      const head = headIn(environment);
      return head && messagesOf(environment, scopeOf(mailbox, head.epoch));
    }),
    detail: (uid, kind) => details[kind].get(uid),
    keep: (uid, kind, octets) => details[kind].keep(uid, octets),
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
