/**
 * Bytes of a message as they are fetched. Each piece is read under the mailbox's lock, where the message stands then: while a client takes
 * its time, others may deliver and expunge. A message that goes meanwhile ends the stream with an error.
 */
import { Readable } from "node:stream";
import { StoreError } from "postern/plugin";
import { layoutOf, MboxDecoder, type MboxForm, readAt } from "postern/store";
import type { Folder } from "./folder.ts";
import type { Message } from "./message.ts";
import type { OpenFile } from "./open-file.ts";
import type { Entry } from "./snapshot.ts";

const changed = (): StoreError => new StoreError("unavailable", "The message changed while it was read");

/** Up to here a message is read at once. */
const AT_ONCE_BYTES = 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;

export interface Range {
  readonly start: number;
  readonly length: number;
}

/** A message by its mailbox: where it stands may be different each time. */
export interface SurveyedMessage {
  readonly folder: Folder;
  readonly uid: number;
}

export function entryOf(folder: Folder, uid: number): Entry {
  const entry = folder.snapshot.find(uid);
  if (!entry) throw new StoreError("expunged", "The message is gone");
  return entry;
}

async function rawBytes(file: OpenFile, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; ) {
    const count = await readAt(file.fd, bytes, at, position + at);
    if (count === 0) throw changed();
    at += count;
  }
  return bytes;
}

/** How it is to be read. */
async function formOf(fd: number, message: Message): Promise<MboxForm> {
  const layout = await layoutOf(fd, message);
  if (!layout) throw changed();
  // A header that ends the message ends with its last field.
  return { ...layout, body: Math.min(layout.body, message.end), isUnquoted: message.isUnquoted };
}

/** The whole message if it is no larger than the limit. For whoever has the mailbox locked. */
async function wholeOf(folder: Folder, file: OpenFile, { message }: Entry): Promise<Buffer> {
  const form = await formOf(file.fd, message);
  const decoder = new MboxDecoder(form, folder.site.quoting);
  const raw = await rawBytes(file, message.start + form.header, message.end - form.header);
  const whole = Buffer.concat([decoder.write(raw), decoder.end()]);
  if (whole.length !== message.sizeBytes) throw changed();
  return whole;
}

export function messageBytes(folder: Folder, uid: number, limitBytes: number): Promise<Buffer | null> {
  return folder.use("shared", (file) => {
    const entry = entryOf(folder, uid);
    return entry.sizeBytes > limitBytes ? null : wholeOf(folder, file, entry);
  });
}

/** For whoever has the mailbox locked all the time. */
export async function* lockedContent(folder: Folder, file: OpenFile, entry: Entry): AsyncGenerator<Buffer> {
  const { start, end } = entry.message;
  const form = await formOf(file.fd, entry.message);
  const decoder = new MboxDecoder(form, folder.site.quoting);
  const { header } = form;
  for (let at = start + header; at < start + end; at += CHUNK_BYTES) {
    yield decoder.write(await rawBytes(file, at, Math.min(CHUNK_BYTES, start + end - at)));
  }
  yield decoder.end();
}

export async function messageStream(folder: Folder, uid: number, range: Range | null): Promise<Readable> {
  const first = await folder.use("shared", async (file) => {
    const entry = entryOf(folder, uid);
    const { sizeBytes } = entry;
    const start = Math.min(Math.max(range?.start ?? 0, 0), sizeBytes);
    const length = Math.min(Math.max(range?.length ?? sizeBytes, 0), sizeBytes - start);
    const whole = sizeBytes <= AT_ONCE_BYTES ? await wholeOf(folder, file, entry) : null;
    return { start, length, whole };
  });
  const { start, length, whole } = first;
  if (whole) return Readable.from(length === 0 ? [] : [whole.subarray(start, start + length)], { objectMode: false });
  return Readable.from(pieces(folder, uid, { start, length }), { objectMode: false });
}

/** The range counts octets after the conversion, so what stands before it is converted too. */
async function* pieces(folder: Folder, uid: number, { start, length }: Range): AsyncGenerator<Buffer> {
  let reading: { readonly decoder: MboxDecoder; readonly body: number; at: number } | null = null;
  let passed = 0;
  let isLast = false;
  while (passed < start + length && !isLast) {
    const bytes: Buffer = await folder.use("shared", async (file) => {
      const { message } = entryOf(folder, uid);
      const form = await formOf(file.fd, message);
      reading ??= { decoder: new MboxDecoder(form, folder.site.quoting), body: form.body, at: form.header };
      // Its own fields may have grown since; behind them nothing but the distance has changed.
      const by: number = form.body - reading.body;
      if (by !== 0 && reading.at < reading.body) throw changed();
      const from: number = reading.at + by;
      const to = Math.min(message.end, from + CHUNK_BYTES);
      const raw = await rawBytes(file, message.start + from, to - from);
      reading.at = to - by;
      isLast = to === message.end;
      const shown = reading.decoder.write(raw);
      return isLast ? Buffer.concat([shown, reading.decoder.end()]) : shown;
    });
    const from = Math.max(0, start - passed);
    const to = Math.min(bytes.length, start + length - passed);
    passed += bytes.length;
    if (to > from) yield bytes.subarray(from, to);
  }
  if (passed < start + length) throw changed();
}
