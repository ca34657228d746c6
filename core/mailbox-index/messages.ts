/**
 * The messages of a mailbox, inside one piece of work on the index. They stand in blocks: those whose UIDs follow each other share a
 * record, so that ten thousand that come at once are a hundred writes, and a walk over them as many reads. A block is read once, and
 * written once, when all that changes in it is known.
 */
import type { KnownMessage } from "../contracts/mailbox-index.ts";
import type { ShardEnvironment } from "./environment.ts";
import { blockKey, blockOf } from "./keys.ts";
import { amendedBlock, checkedBlock, EMPTY_BLOCK, indexOf, type MessageChange, messageAt } from "./message-block.ts";

export interface Messages {
  at(uid: number): KnownMessage | null;
  put(message: KnownMessage): void;
  remove(uid: number): void;
  /** Inside a transaction: what was put and removed. */
  write(): void;
}

interface Block {
  readonly key: Buffer;
  readonly old: Buffer;
  readonly changes: Map<number, MessageChange>;
  /** What was looked up last: most look them up one after the other. */
  reached: { readonly uid: number; readonly at: number } | null;
}

export function messagesOf({ messages }: ShardEnvironment, scope: Buffer): Messages {
  const blocks = new Map<number, Block>();
  const blockWith = (uid: number): Block => {
    const number = blockOf(uid);
    const known = blocks.get(number);
    if (known) return known;
    const key = blockKey(scope, number);
    const bytes = messages.get(key);
    const block: Block = {
      key,
      old: bytes ? checkedBlock(bytes, key) : EMPTY_BLOCK,
      changes: new Map(),
      reached: null,
    };
    blocks.set(number, block);
    return block;
  };
  return {
    at(uid) {
      const block = blockWith(uid);
      const changed = block.changes.get(uid);
      if (changed) return "isGone" in changed ? null : changed;
      const from = block.reached && block.reached.uid <= uid ? block.reached.at : undefined;
      const at = indexOf(block.old, uid, from);
      block.reached = { uid, at };
      return messageAt(block.old, at, uid);
    },
    put: (message) => void blockWith(message.uid).changes.set(message.uid, message),
    remove: (uid) => void blockWith(uid).changes.set(uid, { uid, isGone: true }),
    write() {
      for (const { key, old, changes } of blocks.values()) {
        if (changes.size === 0) continue;
        const ascending = [...changes.values()].sort((a, b) => a.uid - b.uid);
        const bytes = amendedBlock(old, ascending, key);
        if (bytes) messages.put(key, bytes);
        else messages.remove(key);
      }
      blocks.clear();
    },
  };
}

/** Inside a transaction: messages of a mailbox that is begun, ascending by UID; of a block, all that it has. */
export function writeNew({ messages }: ShardEnvironment, scope: Buffer, all: readonly KnownMessage[]): void {
  for (let from = 0; from < all.length; ) {
    const number = blockOf(all[from]?.uid ?? 0);
    let to = from + 1;
    while (to < all.length && blockOf(all[to]?.uid ?? 0) === number) to++;
    const key = blockKey(scope, number);
    const bytes = amendedBlock(EMPTY_BLOCK, all.slice(from, to), key);
    if (bytes) messages.put(key, bytes);
    from = to;
  }
}
