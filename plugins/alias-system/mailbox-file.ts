/**
 * Mail appended to a file of mbox form (mboxrd), or put into a Maildir where the path ends with `/`. Flushed before it is told as delivered. A
 * write that fails is taken back; a crash in the middle can leave a piece of a message at the end of an mbox, and the message comes once more.
 */
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, rename, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { localMessage, mboxFromLine } from "postern/mail";
import type { Delivery, Recipient } from "postern/plugin";
import { withDotlock } from "./dotlock.ts";

export interface FileRoom {
  readonly hostname: string;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

/** Not a regular file, a link, or one with several names. Its text is for the log. */
export class UnsafeFile extends Error {}

export function writeToFile(path: string, delivery: Delivery, recipient: Recipient, room: FileRoom): Promise<void> {
  return path.endsWith("/") ? intoMaildir(path, delivery, recipient, room) : intoMbox(path, delivery, recipient, room);
}

async function intoMbox(path: string, delivery: Delivery, recipient: Recipient, room: FileRoom): Promise<void> {
  await withDotlock(path, room.signal, async () => {
    const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
    const file = await open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
    try {
      const before = await file.stat();
      if (!before.isFile() || before.nlink !== 1) throw new UnsafeFile(`${path} is no file of one name`);
      try {
        await writeAll(file, contentOf(delivery, recipient, { ...room, isMbox: true }));
        await file.sync();
      } catch (cause) {
        await file.truncate(before.size);
        throw cause;
      }
      if (before.size === 0) await flushDirectory(dirname(path));
    } finally {
      await file.close();
    }
  });
}

async function intoMaildir(path: string, delivery: Delivery, recipient: Recipient, room: FileRoom): Promise<void> {
  for (const name of ["", "tmp", "new", "cur"]) await mkdir(join(path, name), { recursive: true, mode: 0o700 });
  const host = room.hostname.replaceAll("/", "\\057").replaceAll(":", "\\072");
  const name = `${Math.floor(room.nowMs / 1000)}.P${process.pid}Q${delivery.envelope.id}R${recipient.id}.${host}`;
  const temporary = join(path, "tmp", name);
  const file = await open(temporary, "wx", 0o600);
  try {
    await writeAll(file, contentOf(delivery, recipient, { ...room, isMbox: false }));
    await file.sync();
    await file.close();
    await rename(temporary, join(path, "new", name));
    await flushDirectory(join(path, "new"));
  } catch (cause) {
    await file.close();
    await unlink(temporary).catch((missing: NodeJS.ErrnoException) => {
      if (missing.code !== "ENOENT") throw missing;
    });
    throw cause;
  }
}

function contentOf(
  { envelope, message }: Delivery,
  { address, parents }: Recipient,
  { isMbox, nowMs }: FileRoom & { readonly isMbox: boolean },
): AsyncIterable<Uint8Array> {
  return localMessage(message.content(), {
    lineEnd: "lf",
    quotesFrom: isMbox,
    without: ["return-path"],
    fromLine: isMbox ? mboxFromLine(String(envelope.reversePath ?? "MAILER-DAEMON"), nowMs) : null,
    fields: [
      ["Return-Path", `<${envelope.reversePath ?? ""}>`],
      ["X-Original-To", String(parents[0] ?? address)],
      ["Delivered-To", String(parents.at(-1) ?? address)],
    ],
  });
}

async function writeAll(file: FileHandle, content: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of content) {
    for (let at = 0; at < piece.length; ) at += (await file.write(piece, at)).bytesWritten;
  }
}

async function flushDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Whether there is a file, or could be one, for `postern check`. */
export const isPlaceForFile = (path: string): Promise<boolean> =>
  stat(dirname(path.replace(/\/+$/, ""))).then(
    (parent) => parent.isDirectory(),
    () => false,
  );
