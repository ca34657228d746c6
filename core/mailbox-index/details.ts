/**
 * What was read out of messages, one kind of it: octet strings, in blocks like the messages themselves, as most ask for all of them in turn.
 * A message never changes, so blocks only grow. They are written a little later; where that cannot be done they are forgotten.
 */
import { assertSealed, CHECK_BYTES, seal } from "./checked.ts";
import type { ShardEnvironment } from "./environment.ts";
import { blockOf, detailKey } from "./keys.ts";
import type { Shard } from "./shard.ts";

const MAX_DETAIL_BYTES = 64 * 1024;
/** Of what waits for the same block, written together. */
const WAITING_BYTES = 24 * 1024;
/** In front of each: UID and length. */
const ENTRY_BYTES = 8;

interface Waiting {
  readonly block: number;
  readonly found: Map<number, string>;
  bytes: number;
  isWritten: boolean;
}

export interface Details {
  get(uid: number): string | null;
  keep(uid: number, octets: string): void;
}

export function createDetails(shard: Shard, mailbox: Buffer, kind: number): Details {
  let waiting: Waiting | null = null;
  /** What was read last, for this turn of the loop. */
  let latest: { readonly block: number; readonly bytes: Buffer | null } | null = null;

  const write = ({ details }: ShardEnvironment, { block, found }: Waiting): void => {
    const key = detailKey(mailbox, block, kind);
    const bytes = grown(checked(details.get(key), key), found);
    if (bytes) details.put(key, seal(bytes, key));
  };
  const begin = (block: number, bytes: number): Waiting => {
    const next: Waiting = { block, found: new Map(), bytes: 0, isWritten: false };
    const run = (environment: ShardEnvironment) => {
      next.isWritten = true;
      write(environment, next);
    };
    shard.writer.add({ bytes: Math.max(bytes, WAITING_BYTES), run });
    return next;
  };
  const read = (block: number): Buffer | null => {
    if (latest?.block === block) return latest.bytes;
    if (latest === null) setImmediate(() => (latest = null));
    const key = detailKey(mailbox, block, kind);
    const bytes = shard.with(({ details }) => checked(details.get(key), key));
    latest = { block, bytes };
    return bytes;
  };

  return {
    get(uid) {
      const bytes = read(blockOf(uid));
      const at = bytes ? entryIn(bytes, uid) : -1;
      return bytes && at >= 0 ? bytes.toString("latin1", at + ENTRY_BYTES, behindEntry(bytes, at)) : null;
    },
    keep(uid, octets) {
      if (octets.length > MAX_DETAIL_BYTES) return;
      const block = blockOf(uid);
      const isSame = waiting?.block === block && !waiting.isWritten;
      if (!waiting || !isSame || waiting.bytes + octets.length > WAITING_BYTES) waiting = begin(block, octets.length);
      waiting.found.set(uid, octets);
      waiting.bytes += octets.length;
    },
  };
}

function checked(bytes: Buffer | undefined, key: Buffer): Buffer | null {
  if (!bytes) return null;
  assertSealed(bytes, bytes.length, key);
  return bytes;
}

const behindEntry = (bytes: Buffer, at: number): number => at + ENTRY_BYTES + bytes.readUInt32LE(at + 4);

/** Where the entry begins; -1: it is not there. */
function entryIn(bytes: Buffer, uid: number): number {
  for (let at = CHECK_BYTES; at < bytes.length; at = behindEntry(bytes, at))
    if (bytes.readUInt32LE(at) === uid) return at;
  return -1;
}

/** With what it does not have yet; `null` if that is nothing. */
function grown(old: Buffer | null, found: ReadonlyMap<number, string>): Buffer | null {
  const added = [...found].filter(([uid]) => old === null || entryIn(old, uid) === -1);
  if (added.length === 0) return null;
  let end = old?.length ?? CHECK_BYTES;
  const bytes = Buffer.allocUnsafe(added.reduce((sum, [, { length }]) => sum + ENTRY_BYTES + length, end));
  old?.copy(bytes);
  for (const [uid, octets] of added) {
    bytes.writeUInt32LE(uid, end);
    bytes.writeUInt32LE(octets.length, end + 4);
    end += ENTRY_BYTES + bytes.write(octets, end + ENTRY_BYTES, "latin1");
  }
  return bytes;
}
