/**
 * What goes when the index has come to its ceiling: details of the mailboxes that were not opened for longest, then those mailboxes
 * altogether. Steps are transactions of their own, so that other processes have their turn.
 */
import type { Clock } from "../contracts/clock.ts";
import type { Table } from "../kv/environment.ts";
import type { ShardEnvironment } from "./environment.ts";
import { behind, scopeOf } from "./keys.ts";
import { decodeHead } from "./records.ts";

const STEP = 2_000;
/** Room is made until this share of the ceiling is used, or all that may go has gone. */
const AIM = 0.85;
/** A mailbox that somebody opened today or yesterday keeps its messages. */
const RECENT_DAYS = 1;

export const dayOf = (clock: Clock): number => Math.floor(clock.now() / 86_400_000);

/** Answers whether there is room again. */
export function makeRoom(environment: ShardEnvironment, ceilingBytes: number, clock: Clock): boolean {
  const isRoom = () => environment.usedBytes() < ceilingBytes * AIM;
  const byAge = heads(environment).sort((a, b) => a.usedDay - b.usedDay);
  for (const { key } of byAge) {
    if (isRoom()) return true;
    removeRange(environment, environment.details, key);
  }
  const today = dayOf(clock);
  for (const { key, usedDay } of byAge) {
    if (isRoom()) return true;
    if (usedDay >= today - RECENT_DAYS) break;
    removeMailbox(environment, key);
  }
  return environment.usedBytes() < ceilingBytes;
}

function removeMailbox(environment: ShardEnvironment, key: Buffer): void {
  environment.transact(() => environment.heads.remove(key));
  for (const table of [environment.messages, environment.journal, environment.details]) {
    removeRange(environment, table, key);
  }
}

/** Everything in `table` whose key begins with `prefix`. */
function removeRange(environment: ShardEnvironment, table: Table, prefix: Buffer): void {
  for (let isMore = true; isMore; ) {
    isMore = environment.transact(() => {
      const keys = [...table.getKeys({ start: prefix, end: behind(prefix), limit: STEP })].map((key) =>
        Buffer.from(key),
      );
      for (const key of keys) table.remove(key);
      return keys.length === STEP;
    });
  }
}

/** Inside a transaction: some records that no head knows go. Answers whether there may be more. */
export function sweepStep(environment: ShardEnvironment, mailbox: Buffer, limit: number): boolean {
  const bytes = environment.heads.get(mailbox);
  const own = bytes ? scopeOf(mailbox, decodeHead(bytes, mailbox).epoch) : null;
  const ranges = own
    ? [
        { start: mailbox, end: own },
        { start: behind(own), end: behind(mailbox) },
      ]
    : [{ start: mailbox, end: behind(mailbox) }];
  // Details know no epoch: those of a mailbox that is there stay.
  const tables = [environment.messages, environment.journal, ...(own ? [] : [environment.details])];
  let removed = 0;
  for (const table of tables) {
    for (const range of ranges) {
      const keys = [...table.getKeys({ ...range, limit: Math.max(1, limit - removed) })].map((key) => Buffer.from(key));
      for (const key of keys) table.remove(key);
      removed += keys.length;
      if (removed >= limit) return true;
    }
  }
  return false;
}

interface Aged {
  readonly key: Buffer;
  readonly usedDay: number;
}

function heads(environment: ShardEnvironment): Aged[] {
  environment.refresh();
  const found: Aged[] = [];
  for (const { key, value } of environment.heads.getRange({})) {
    const own = Buffer.from(key);
    found.push({ key: own, usedDay: decodeHead(Buffer.from(value), own).usedDay });
  }
  return found;
}
