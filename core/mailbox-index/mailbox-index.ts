/**
 * The service `MailboxIndex` (ADR 12): a few LMDB environments below one directory, a mailbox in one of them by the hash of its id. Shared
 * by all workers. Whatever is wrong with it, mail goes on without.
 */
import { randomInt } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { MailboxIndex } from "../contracts/mailbox-index.ts";
import { createIndexedMailbox, sweepLater } from "./indexed-mailbox.ts";
import { mailboxKey } from "./keys.ts";
import { dayOf } from "./make-room.ts";
import { decodeHead, encodeHead } from "./records.ts";
import { createShard, type Shard } from "./shard.ts";

export interface MailboxIndexOptions {
  /** Made at the first use. */
  readonly directory: string;
  /** Of all shards together. */
  readonly ceilingBytes: number;
  readonly log: Log;
  readonly clock: Clock;
}

export interface OpenMailboxIndex extends MailboxIndex {
  /** Writes what is left to be written. Safe to call twice. */
  close(): Promise<void>;
}

/** What is damaged takes a part of the index along, and writers wait for others of the same part only. */
export const SHARDS = 8;

export function createMailboxIndex({ directory, ceilingBytes, log, clock }: MailboxIndexOptions): OpenMailboxIndex {
  const shards = new Map<number, Shard>();
  const shardOf = (mailbox: Buffer): Shard => {
    const number = (mailbox[0] ?? 0) % SHARDS;
    const known = shards.get(number);
    if (known) return known;
    const place = join(directory, String(number));
    const shard = createShard({ directory: place, ceilingBytes: Math.ceil(ceilingBytes / SHARDS), log, clock });
    shards.set(number, shard);
    return shard;
  };
  let isClosed = false;
  const today = () => dayOf(clock);

  return {
    async open(id) {
      if (isClosed) return null;
      const mailbox = mailboxKey(id);
      const shard = shardOf(mailbox);
      if (!(await shard.open())) return null;
      // Whoever is not opened for long goes first when there is no room.
      const isNoted = shard.with(({ heads }) => {
        const bytes = heads.get(mailbox);
        return !bytes || decodeHead(bytes, mailbox).usedDay === today();
      });
      if (isNoted === false) {
        shard.transact(({ heads }) => {
          const bytes = heads.get(mailbox);
          if (!bytes) return;
          heads.put(mailbox, encodeHead({ ...decodeHead(bytes, mailbox), usedDay: today() }, mailbox));
        });
      }
      return createIndexedMailbox({ shard, mailbox, today, newEpoch: () => randomInt(1, 0xffffffff) });
    },
    forget(id) {
      const mailbox = mailboxKey(id);
      const shard = shardOf(mailbox);
      shard.transact(({ heads }) => heads.remove(mailbox));
      sweepLater(shard, mailbox);
    },
    async close() {
      isClosed = true;
      await Promise.all([...shards.values()].map((shard) => shard.close()));
    },
  };
}
