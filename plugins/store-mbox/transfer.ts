/**
 * COPY and MOVE between mboxes. A copy is appended as any new message. A move holds both mailboxes locked: the copies are on disk before
 * the first one goes, so after a crash a message may be in both, and is in one at least.
 */
import type { CopyResult } from "postern/plugin";
import { entriesToTransfer, type FolderListener, type ToTransfer } from "postern/store";
import { type Appending, appendLocked } from "./append.ts";
import { lockedContent } from "./content.ts";
import { removeMessages } from "./expunge.ts";
import type { Folder } from "./folder.ts";
import type { OpenFile } from "./open-file.ts";
import type { Entry } from "./snapshot.ts";
import { Spooled } from "./spool.ts";

export interface Transfer extends ToTransfer<Entry> {
  readonly from: Folder;
  readonly to: Folder;
  /** Rejects where the target's quota has no room. */
  readonly admit: (sizes: readonly number[], isMove: boolean) => Promise<void>;
}

export interface Transferred {
  readonly result: CopyResult;
  readonly sizes: readonly number[];
}

const sizesOf = (entries: readonly Entry[]): readonly number[] => entries.map(({ sizeBytes }) => sizeBytes);

async function spoolAll(transfer: Transfer, file: OpenFile, entries: readonly Entry[]): Promise<readonly Appending[]> {
  const spooled: Appending[] = [];
  try {
    for (const entry of entries) {
      const content = lockedContent(transfer.from, file, entry);
      const { quoting } = transfer.to.site;
      const one = await Spooled.of({ content, sizeBytes: entry.sizeBytes }, quoting, transfer.to.place.control);
      const { internalDate, flags } = entry;
      spooled.push({
        spooled: one,
        flags: [...flags],
        internalDate,
        isOld: flags.size > 0,
        sender: one.returnPath,
        tag: "",
      });
    }
    return spooled;
  } catch (cause) {
    for (const one of spooled) one.spooled.close();
    throw cause;
  }
}

async function appendAll(
  { to }: Transfer,
  file: OpenFile,
  { entries, messages }: { readonly entries: readonly Entry[]; readonly messages: readonly Appending[] },
): Promise<CopyResult> {
  const uids = await appendLocked(to, file, { messages, by: null });
  return {
    uidValidity: to.state.uidValidity,
    uids: entries.map(({ uid }, index) => ({ from: uid, to: uids[index] ?? 0 })),
  };
}

export async function copyMessages(transfer: Transfer): Promise<Transferred> {
  transfer.to.prepare();
  await transfer.from.sync();
  // Before anything is locked: counting may look into any mailbox.
  await transfer.admit(sizesOf(entriesToTransfer(transfer)), false);
  const { entries, messages } = await transfer.from.use("shared", async (file) => {
    const found = entriesToTransfer(transfer);
    return { entries: found, messages: await spoolAll(transfer, file, found) };
  });
  try {
    const result = await transfer.to.use("exclusive", (file) => appendAll(transfer, file, { entries, messages }));
    return { result, sizes: sizesOf(entries) };
  } finally {
    for (const { spooled } of messages) spooled.close();
  }
}

export async function moveMessages(transfer: Transfer, by: FolderListener): Promise<Transferred> {
  const { from, to } = transfer;
  to.prepare();
  await from.sync();
  await transfer.admit(sizesOf(entriesToTransfer(transfer)), true);
  return both(from, to, by, async (source, target) => {
    const entries = entriesToTransfer(transfer);
    await from.verify(
      source,
      entries.map(({ message }) => message),
    );
    const current = entriesToTransfer(transfer);
    const messages = await spoolAll(transfer, source, current);
    try {
      const result = await appendAll(transfer, target, { entries: current, messages });
      if (current.length > 0) await removeMessages(from, source, { entries: current, by });
      return { result, sizes: sizesOf(current) };
    } finally {
      for (const { spooled } of messages) spooled.close();
    }
  });
}

/** Takes both mailboxes in an order that everybody keeps: two moves against each other do not wait for ever. */
function both<T>(a: Folder, b: Folder, by: FolderListener, work: (a: OpenFile, b: OpenFile) => Promise<T>): Promise<T> {
  if (a === b) return a.use("exclusive", (file) => work(file, file), by);
  if (a.path < b.path) return a.use("exclusive", (first) => b.use("exclusive", (second) => work(first, second)), by);
  return b.use("exclusive", (first) => a.use("exclusive", (second) => work(second, first), by));
}
