/**
 * Writes a message into `tmp/`, on disk when it resolves. On any fault the file is removed again. Sizes become part of the
 * name, so nobody has to count later.
 */

import { closeSync, constants, futimesSync, openSync, unlinkSync, write, writeSync, writevSync } from "node:fs";
import { type NewMessage, StoreError } from "postern/plugin";
import { attempt, countBareLf, shareFile, storeError } from "postern/store";
import { uniqueName, withSizes } from "./file-name.ts";
import type { Flush } from "./flush.ts";

export interface Written {
  /** Path in `tmp/`. */
  readonly path: string;
  readonly diskBytes: number;
  readonly sizeBytes: number;
  /** A base name for it that nobody else has, with sizes. */
  readonly base: string;
}

/** What comes beyond this many octets of a message is written off the main thread: a call there costs more than a small write. */
const SYNC_BYTES = 1024 * 1024;

interface Tally {
  diskBytes: number;
  missing: number;
  before: number;
}

function count(tally: Tally, piece: Uint8Array): void {
  tally.missing += countBareLf(piece, tally.before);
  tally.diskBytes += piece.length;
  if (piece.length > 0) tally.before = piece[piece.length - 1] ?? 0;
}

export async function writeMessage(
  directory: string,
  message: NewMessage,
  by: { readonly host: string; readonly nowMs: number; readonly flush: Flush },
): Promise<Written> {
  const name = uniqueName(by.nowMs, by.host);
  const path = `${directory}/tmp/${name}`;
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  let isOpen = true;
  shareFile(path, directory);
  try {
    const tally: Tally = { diskBytes: 0, missing: 0, before: 0 };
    if (Array.isArray(message.content)) await writePieces(fd, message.content, tally);
    else {
      for await (const piece of message.content as AsyncIterable<Uint8Array | string>) {
        const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
        count(tally, bytes);
        if (tally.diskBytes > SYNC_BYTES) await writeOne(fd, bytes);
        else for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      }
    }
    if (message.sizeBytes !== undefined && message.sizeBytes !== tally.diskBytes) {
      throw new StoreError("unavailable", "The message did not come in whole");
    }
    if (message.internalDate !== undefined) {
      const date = message.internalDate / 1000;
      futimesSync(fd, date, date);
    }
    await by.flush.file(fd, directory);
    isOpen = false;
    closeSync(fd);
    const sizeBytes = tally.diskBytes + tally.missing;
    return { path, diskBytes: tally.diskBytes, sizeBytes, base: withSizes(name, tally.diskBytes, sizeBytes) };
  } catch (cause) {
    if (isOpen) attempt(() => closeSync(fd));
    attempt(() => unlinkSync(path));
    throw storeError(cause);
  }
}

async function writePieces(fd: number, pieces: readonly Uint8Array[], tally: Tally): Promise<void> {
  for (const piece of pieces) count(tally, piece);
  if (tally.diskBytes > SYNC_BYTES) {
    for (const piece of pieces) await writeOne(fd, piece);
    return;
  }
  let rest: readonly Uint8Array[] = pieces.filter((piece) => piece.length > 0);
  while (rest.length > 0) {
    // IOV_MAX is 1024 on Linux.
    let done = writevSync(fd, rest.slice(0, 1024) as Uint8Array[]);
    let whole = 0;
    for (; whole < rest.length && done >= (rest[whole]?.length ?? 0); whole++) done -= rest[whole]?.length ?? 0;
    rest = rest.slice(whole);
    const first = rest[0];
    if (done > 0 && first) rest = [first.subarray(done), ...rest.slice(1)];
  }
}

const writeOne = async (fd: number, bytes: Uint8Array): Promise<void> => {
  for (let at = 0; at < bytes.length; ) {
    at += await new Promise<number>((resolve, reject) =>
      write(fd, bytes, at, bytes.length - at, null, (cause, written) => (cause ? reject(cause) : resolve(written))),
    );
  }
};
