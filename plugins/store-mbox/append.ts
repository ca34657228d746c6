/**
 * New messages at the end of an mbox, which nobody reads for it. All or nothing: what was written is taken back when one fails, also
 * by whoever comes first after a crash. On disk, UIDs too, when it resolves.
 */

import { createHash } from "node:crypto";
import { fdatasyncSync, fstatSync, ftruncateSync, readSync } from "node:fs";
import { type NewMessage, StoreError } from "postern/plugin";
import { attempt, canonicalFlags, type FolderListener, formatFromLine, formatMeta, type MboxBase } from "postern/store";
import { forgetAppend, noteAppend } from "./append-note.ts";
import type { Folder } from "./folder.ts";
import { keepIds } from "./given-ids.ts";
import { noteUnread } from "./index-sync.ts";
import { writeAll } from "./journal.ts";
import { Message } from "./message.ts";
import { type OpenFile, stampOf } from "./open-file.ts";
import type { Content, Spooled } from "./spool.ts";

export interface Appending {
  readonly spooled: Spooled;
  readonly flags: readonly string[];
  readonly internalDate: number;
  /** A message that others have seen is not recent. */
  readonly isOld: boolean;
  readonly sender: string;
  readonly tag: string;
  /** `null`: it gets one when somebody looks into the mailbox. */
  readonly uid?: number | null;
  /** By which POP3 clients know it from elsewhere. */
  readonly uniqueId?: string | undefined;
}

const MAX_UID = 4_294_967_295;

/** The same for the same delivery; in the file, so that a repeated one is known as long as the message is there. */
export const tagOf = (deliveryId: string): string =>
  createHash("sha256").update(deliveryId).digest("base64url").slice(0, 22);

export const contentOf = ({ content, sizeBytes }: NewMessage): Content => ({ content, sizeBytes });

export function appendingOf(message: NewMessage, spooled: Spooled, nowMs: number): Appending {
  const flags = canonicalFlags(message.flags ?? []);
  return {
    spooled,
    flags,
    internalDate: message.internalDate ?? nowMs,
    isOld: flags.length > 0,
    sender: spooled.returnPath,
    tag: message.deliveryId === undefined ? "" : tagOf(message.deliveryId),
  };
}

interface Written {
  readonly message: Message;
  readonly flags: readonly string[];
}

/** What was written, and the message in front of it, if it got its last line end with that. */
interface AllWritten {
  readonly written: readonly Written[];
  readonly ended: Message | null;
}

/** For whoever has the mailbox locked and knows it. */
export async function appendLocked(
  folder: Folder,
  file: OpenFile,
  { messages, by }: { readonly messages: readonly Appending[]; readonly by: FolderListener | null },
): Promise<readonly number[]> {
  if (messages.length === 0) return [];
  const { state } = folder;
  const words = folder.wordsWith(messages.flatMap(({ flags }) => flags));
  const uids: number[] = [];
  // One that comes with its own UID keeps it where nobody had it yet.
  for (const { uid } of messages) uids.push(Math.max(uid ?? 0, (uids.at(-1) ?? state.uidNext - 1) + 1));
  const uidNext = (uids.at(-1) ?? 0) + 1;
  if (uidNext > MAX_UID) throw new StoreError("limit", "The mailbox has no more UIDs");
  const base: MboxBase = { uidValidity: state.uidValidity, lastUid: uidNext - 1, keywords: words };
  const { holder } = folder;
  // First, as it may have to grow: what stands behind it moves then.
  const reshaped = holder ? await folder.alter(file, [holder], (one) => folder.wantedOf(one, { base })) : [];
  const { written, ended } = await writeMessages(folder, file, {
    messages: messages.map((message, index) => ({ ...message, uid: uids[index] ?? 0 })),
    base: holder ? null : base,
  });
  fdatasyncSync(file.fd);
  keepIds(
    folder,
    messages.flatMap(({ uniqueId }, index) => (uniqueId === undefined ? [] : [[uids[index] ?? 0, uniqueId] as const])),
  );
  await folder.commit(
    file.fd,
    { put: written, touched: [...reshaped, ...(ended ? [ended] : [])], uidNext, keywords: words },
    by,
  );
  forgetAppend(folder.place.control);
  return uids;
}

/** Without knowing what is in the mailbox; they get UIDs and all else when somebody looks. */
export async function appendBlindly(folder: Folder, file: OpenFile, message: Appending): Promise<void> {
  const before = stampOf(fstatSync(file.fd, { bigint: true }));
  const { written } = await writeMessages(folder, file, { messages: [{ ...message, uid: null }], base: null });
  fdatasyncSync(file.fd);
  forgetAppend(folder.place.control);
  await noteUnread(folder, file.fd, { before, sizeBytes: written[0]?.message.sizeBytes ?? 0 });
  folder.announce();
}

async function writeMessages(
  folder: Folder,
  { fd }: OpenFile,
  { messages, base }: { readonly messages: readonly Appending[]; readonly base: MboxBase | null },
): Promise<AllWritten> {
  const { size } = fstatSync(fd);
  const written: Written[] = [];
  const separator = needsLineEnd(fd, size) ? "\n" : "";
  let at = size + separator.length;
  let ended: Message | null = null;
  const heads = messages.map((message, index) => headOf(folder, message, index === 0 ? base : null));
  const to = heads.reduce((sum, head) => sum + head.length, at);
  noteAppend(folder.place.control, { from: size, to, head: separator + (heads[0]?.fromLine ?? "") });
  try {
    if (separator !== "") {
      writeAll(fd, Buffer.from(separator), size);
      // It ends the last line of the message in front of it, and belongs to nobody.
      ended = [...folder.state.messages()].at(-1) ?? null;
      ended?.ended();
    }
    for (const head of heads) {
      await head.write(fd, at);
      written.push({ message: head.message(at), flags: head.flags });
      at += head.length;
    }
  } catch (cause) {
    attempt(() => ftruncateSync(fd, size));
    forgetAppend(folder.place.control);
    throw cause;
  }
  return { written, ended };
}

/** The last line of a message that was cut off. */
function needsLineEnd(fd: number, size: number): boolean {
  const last = Buffer.alloc(1);
  return size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 10;
}

function headOf(folder: Folder, appending: Appending, base: MboxBase | null) {
  const { spooled, flags, uid = 0, isOld, tag, internalDate } = appending;
  const { facts } = spooled;
  const fromLine = Buffer.from(formatFromLine(appending.sender, internalDate));
  const contentLength = folder.site.quoting === "none" ? `Content-Length: ${facts.bodyLength}\n` : "";
  const fieldText = formatMeta({ uid: uid ?? 0, flags, isOld, base, isPseudo: false, tag });
  const own = Buffer.from(fieldText + contentLength, "latin1");
  const length = fromLine.length + spooled.length + own.length + 1;
  return {
    length,
    flags,
    fromLine: fromLine.toString("latin1"),
    async write(fd: number, at: number): Promise<void> {
      let position = at;
      const put = (bytes: Buffer) => {
        writeAll(fd, bytes, position);
        position += bytes.length;
      };
      put(fromLine);
      for await (const piece of spooled.read(0, facts.fields)) put(piece);
      put(own);
      for await (const piece of spooled.read(facts.fields, spooled.length)) put(piece);
      put(Buffer.from("\n"));
    },
    message: (start: number): Message =>
      Message.of(uid ?? 0, {
        // What an mbox does not keep is not shown either: its dates are in seconds.
        ...{ internalDate, sizeBytes: facts.sizeBytes, tag, isOld },
        ...{ start, length, tail: 1, isCrlf: false },
        isVerbatim: folder.site.quoting === "none",
        isUnquoted: folder.site.quoting === "none" || !facts.hasQuoted,
      }),
  };
}
