/**
 * A socket through which everything goes compressed, both ways (raw DEFLATE, RFC 1951, as RFC 4978 wants it). What was written in one turn is
 * flushed as one, so that nothing waits in the compressor. Memory is bounded: what expands is handed on only as fast as it is read. Octets
 * that are not compressed data end the connection.
 */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { constants, createDeflateRaw, createInflateRaw, type DeflateRaw, type InflateRaw } from "node:zlib";

/** 8 KiB of window and as much again to find matches: 48 KiB a connection, a fifth of what zlib takes unasked. */
const DEFLATE = { level: 5, windowBits: 13, memLevel: 6, chunkSize: 4096 };
/** The window is the client's choice, so the largest; zlib takes it when it is needed. */
const INFLATE = { windowBits: 15, chunkSize: 8192 };
const BUFFER_BYTES = 16 * 1024;

type Callback = (error?: Error | null) => void;

export class CompressedSocket extends Duplex {
  readonly #socket: Socket;
  readonly #deflate: DeflateRaw;
  readonly #inflate: InflateRaw;

  constructor(socket: Socket) {
    // What was written last has still to leave when both sides have ended: the socket ends this one.
    super({ allowHalfOpen: true, autoDestroy: false, highWaterMark: BUFFER_BYTES });
    this.#socket = socket;
    this.#deflate = createDeflateRaw({ ...DEFLATE, highWaterMark: BUFFER_BYTES } as typeof DEFLATE);
    this.#inflate = createInflateRaw({ ...INFLATE, highWaterMark: BUFFER_BYTES } as typeof INFLATE);
    this.#deflate.on("data", (piece: Buffer) => {
      if (!socket.write(piece)) this.#deflate.pause();
    });
    socket.on("drain", this.#onDrain);
    this.#inflate.on("data", (piece: Buffer) => {
      if (!this.push(piece)) this.#inflate.pause();
    });
    this.#inflate.on("drain", () => socket.resume());
    this.#inflate.on("end", () => this.push(null));
    // Lenient: clients close without ending their compressed stream (RFC 4978 says nothing of its end).
    this.#inflate.on("error", () => (socket.readableEnded ? this.push(null) : this.destroy()));
    this.#deflate.on("error", () => this.destroy());
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("close", this.#onClose);
    socket.resume();
  }

  /** Octets that left for the client. */
  get bytesWritten(): number {
    return this.#socket.bytesWritten;
  }

  override _read(): void {
    this.#inflate.resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: Callback): void {
    this.#deflate.write(chunk);
    // RFC 4978 4: a response must not wait for others.
    this.#deflate.flush(constants.Z_SYNC_FLUSH, done);
  }

  /** What was gathered while the stream was corked: one flush for all. */
  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: Callback): void {
    for (const { chunk } of chunks) this.#deflate.write(chunk);
    this.#deflate.flush(constants.Z_SYNC_FLUSH, done);
  }

  override _final(done: Callback): void {
    this.#deflate.once("end", () => {
      this.#socket.end();
      done();
    });
    this.#deflate.end();
  }

  override _destroy(error: Error | null, done: Callback): void {
    const socket = this.#socket;
    socket.off("drain", this.#onDrain);
    socket.off("data", this.#onData);
    socket.off("end", this.#onEnd);
    socket.off("close", this.#onClose);
    // Their memory is not the garbage collector's.
    this.#deflate.destroy();
    this.#inflate.destroy();
    socket.destroy();
    done(error);
  }

  readonly #onDrain = (): void => {
    this.#deflate.resume();
  };

  readonly #onData = (piece: Buffer): void => {
    if (!this.#inflate.write(piece)) this.#socket.pause();
  };

  readonly #onEnd = (): void => {
    this.#inflate.end();
  };

  readonly #onClose = (): void => {
    this.destroy();
  };
}
