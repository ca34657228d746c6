/**
 * A file out of the maildrop, opened and looked at with suspicion: whoever wrote it may still have it open, and may have written what he
 * liked. What it says is read once; what counts about its sender is who owns it. `Damaged` is thrown for what is no message of ours, any
 * other error is the disk's.
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { END_BYTES, ENVELOPE_LIMIT_BYTES, envelopeBytes, HEAD, type LeftEnvelope } from "./format.ts";

/** The text is for the log. */
export class Damaged extends Error {
  readonly code = "MAILDROP_DAMAGED";
}

const notify = Type.Union((["never", "success", "failure", "delay"] as const).map((word) => Type.Literal(word)));
const Text = Type.String({ maxLength: 1000 });
const recipient = Type.Object({
  address: Text,
  notify: Type.Array(notify, { maxItems: 4 }),
  orcpt: Type.Union([Type.Null(), Type.Object({ type: Text, address: Text })]),
});
const envelopeSchema = Type.Object({
  purpose: Type.Union([Type.Literal("send"), Type.Literal("verify")]),
  sender: Type.Union([Type.Null(), Text]),
  recipients: Type.Array(recipient, { minItems: 1, maxItems: 20_000 }),
  body: Type.Union((["7bit", "8bitmime", "binarymime"] as const).map((word) => Type.Literal(word))),
  isSmtpUtf8: Type.Boolean(),
  ret: Type.Union([Type.Null(), Type.Literal("full"), Type.Literal("hdrs")]),
  envid: Type.Union([Type.Null(), Type.String({ maxLength: 100, pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f]*$" })]),
  sizeBytes: Type.Integer({ minimum: 0 }),
});
const compiled = Compile(envelopeSchema);
const isEnvelope = (value: unknown): value is Static<typeof envelopeSchema> => compiled.Check(value);

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
const PIECE_BYTES = 64 * 1024;

export class LeftFile {
  readonly envelope: LeftEnvelope;
  readonly uid: number;
  /** When its last octet was written, as far as its owner lets us know. */
  readonly writtenAt: number;
  readonly #handle: FileHandle;

  private constructor(
    handle: FileHandle,
    envelope: LeftEnvelope,
    stats: { readonly uid: number; readonly mtimeMs: number },
  ) {
    this.#handle = handle;
    this.envelope = envelope;
    this.uid = stats.uid;
    this.writtenAt = stats.mtimeMs;
  }

  /** `gid`: the group that everything gets which is made in the maildrop. */
  static async open(
    path: string,
    { gid, sizeLimitBytes }: { readonly gid: number; readonly sizeLimitBytes: number },
  ): Promise<LeftFile> {
    // A FIFO would make us wait for its writer, a link could lead anywhere.
    const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(asDamaged);
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) throw new Damaged("not a regular file");
      // A second name, or another group: made elsewhere, perhaps by somebody else, and linked here.
      if (stats.nlink !== 1) throw new Damaged(`it has ${stats.nlink} names`);
      if (stats.gid !== gid) throw new Damaged(`it belongs to group ${stats.gid}`);
      if (stats.size > HEAD.length + sizeLimitBytes + ENVELOPE_LIMIT_BYTES + END_BYTES)
        throw new Damaged("it is too large");
      return new LeftFile(handle, await readEnvelope(handle, stats.size), stats);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** The message in pieces that are the receiver's. Throws `Damaged` if the file has become shorter. */
  async *content(): AsyncGenerator<Buffer> {
    const end = HEAD.length + this.envelope.sizeBytes;
    for (let at = HEAD.length; at < end; ) {
      const piece = await readAt(this.#handle, at, Math.min(PIECE_BYTES, end - at));
      at += piece.length;
      yield piece;
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

async function readEnvelope(handle: FileHandle, sizeBytes: number): Promise<LeftEnvelope> {
  if (sizeBytes < HEAD.length + END_BYTES) throw new Damaged("it is too short");
  if (!(await readAt(handle, 0, HEAD.length)).equals(HEAD))
    throw new Damaged("it does not begin as a message of this version");
  const length = envelopeBytes(await readAt(handle, sizeBytes - END_BYTES, END_BYTES));
  if (length === null || HEAD.length + length + END_BYTES > sizeBytes) throw new Damaged("it has no end");
  const text = (await readAt(handle, sizeBytes - END_BYTES - length, length)).toString("utf8");
  let envelope: unknown;
  try {
    envelope = JSON.parse(text);
  } catch {
    throw new Damaged("its envelope cannot be read");
  }
  if (!isEnvelope(envelope)) throw new Damaged("its envelope is none");
  if (HEAD.length + envelope.sizeBytes + length + END_BYTES !== sizeBytes)
    throw new Damaged("its size is not what its envelope says");
  return envelope;
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) throw new Damaged("it has become shorter");
    filled += bytesRead;
  }
  return buffer;
}

/** Links, sockets and files that their owner has closed to us are his doing; a disk that fails is not. */
function asDamaged(error: NodeJS.ErrnoException): never {
  const { code = "" } = error;
  if (["ELOOP", "EMLINK", "ENXIO", "EACCES", "EPERM", "EISDIR"].includes(code))
    throw new Damaged(`it cannot be opened (${code})`, { cause: error });
  throw error;
}
