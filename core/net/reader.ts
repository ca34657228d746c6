/**
 * Reads a client's bytes: lines under a limit, exact sizes, streams. Takes from the socket only what the reads ask for,
 * and a bounded piece beyond; the client waits otherwise. One read at a time; a second one throws.
 * The end of the connection answers `null`, also to the read that waits, and breaks off a stream with `ConnectionLost`.
 */
import type { Duplex, Readable } from "node:stream";
import type { ConnectionReader } from "../contracts/session.ts";
import { ByteQueue } from "./byte-queue.ts";
import { LineTooLong } from "./net-errors.ts";
import { SizedStream } from "./sized-stream.ts";

const AHEAD_BYTES = 64 * 1024;
const CR = 0x0d;
const LF = 0x0a;

interface Settle {
  resolve(piece: Buffer | null): void;
  reject(error: Error): void;
}

/** The one read that is under way. `restOfLine`: its line is too long, the bytes up to its end go to nobody. */
type Pending =
  | { readonly at: "line" | "restOfLine"; readonly limitBytes: number; readonly settle: Settle }
  | { readonly at: "exact"; readonly size: number; readonly settle: Settle }
  | { readonly at: "stream"; whenMore: (() => void) | null };

export class SocketReader implements ConnectionReader {
  readonly #onBytes: () => void;
  readonly #queue = new ByteQueue();
  #socket: Duplex | null = null;
  #pending: Pending | null = null;
  /** Rest of a stream that its consumer gave up. */
  #abandonedBytes = 0;
  #isEnded = false;
  #isPaused = false;

  /** `onBytes` is told whenever the client sent something. */
  constructor(onBytes: () => void) {
    this.#onBytes = onBytes;
  }

  get hasBuffered(): boolean {
    return this.#queue.length > 0;
  }

  line(limitBytes: number): Buffer | null | Promise<Buffer | null> {
    this.#mustBeFree();
    const length = this.#queue.indexOfLf();
    if (length >= 0) {
      const line = this.#takeLine(length);
      if (line.length > limitBytes) throw new LineTooLong(limitBytes);
      return line;
    }
    if (this.#isEnded) return null;
    return new Promise((resolve, reject) => {
      this.#pending = { at: "line", limitBytes, settle: { resolve, reject } };
      this.#serveLine(this.#pending);
      this.#resume();
    });
  }

  exact(size: number): Buffer | null | Promise<Buffer | null> {
    this.#mustBeFree();
    if (size === 0) return Buffer.alloc(0);
    if (this.#queue.length >= size) return this.#queue.take(size);
    if (this.#isEnded) return null;
    return new Promise((resolve, reject) => {
      this.#pending = { at: "exact", size, settle: { resolve, reject } };
      this.#resume();
    });
  }

  stream(size: number): Readable {
    this.#mustBeFree();
    const pending: Pending = { at: "stream", whenMore: null };
    this.#pending = pending;
    return new SizedStream(
      {
        some: (limitBytes) => {
          if (this.#queue.length > 0) return this.#queue.takeSome(limitBytes);
          return this.#isEnded ? "ended" : null;
        },
        whenMore: (callback) => {
          pending.whenMore = callback;
          this.#resume();
        },
        release: (unreadBytes) => {
          this.#abandonedBytes += unreadBytes - this.#queue.drop(unreadBytes);
          this.#pending = null;
          this.#resume();
        },
      },
      size,
      AHEAD_BYTES,
    );
  }

  /** Reads from this socket from now on. */
  attach(socket: Duplex): void {
    this.#socket = socket;
    this.#isPaused = false;
    if (socket.readableEnded || socket.destroyed) {
      this.end();
      return;
    }
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("close", this.#onEnd);
  }

  /** Lets go of the socket and throws away what was read and not asked for. */
  detach(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#queue.clear();
    if (!socket) return;
    socket.off("data", this.#onData);
    socket.off("end", this.#onEnd);
    socket.off("close", this.#onEnd);
    socket.pause();
  }

  /** Nothing more will be read, whatever the client still sends. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const pending = this.#pending;
    if (!pending) return;
    if (pending.at === "stream") {
      const callback = pending.whenMore;
      pending.whenMore = null;
      callback?.();
      return;
    }
    this.#pending = null;
    pending.settle.resolve(null);
  }

  readonly #onEnd = (): void => this.end();

  readonly #onData = (chunk: Buffer): void => {
    this.#onBytes();
    if (this.#isEnded) return;
    let fresh = chunk;
    if (this.#abandonedBytes > 0) {
      const dropped = Math.min(this.#abandonedBytes, fresh.length);
      this.#abandonedBytes -= dropped;
      fresh = fresh.subarray(dropped);
    }
    this.#queue.push(fresh);
    this.#serve();
    // A read that waits bounds by itself what it takes.
    if (!this.#pending || this.#pending.at === "stream") this.#pauseWhenFull();
  };

  #serve(): void {
    const pending = this.#pending;
    if (!pending) return;
    switch (pending.at) {
      case "line":
        this.#serveLine(pending);
        break;
      case "restOfLine":
        this.#skipLine(pending);
        break;
      case "exact":
        if (this.#queue.length < pending.size) return;
        this.#pending = null;
        pending.settle.resolve(this.#queue.take(pending.size));
        break;
      case "stream": {
        const callback = pending.whenMore;
        pending.whenMore = null;
        callback?.();
        break;
      }
    }
  }

  #serveLine(pending: Pending & { at: "line" | "restOfLine" }): void {
    const { limitBytes, settle } = pending;
    const length = this.#queue.indexOfLf();
    if (length >= 0) {
      const line = this.#takeLine(length);
      this.#pending = null;
      if (line.length > limitBytes) settle.reject(new LineTooLong(limitBytes));
      else settle.resolve(line);
    } else if (this.#queue.length > limitBytes + 1) {
      // Even if the last octet is a CR, the line is too long.
      this.#queue.clear();
      this.#pending = { at: "restOfLine", limitBytes, settle };
    }
  }

  #skipLine(pending: Pending & { at: "line" | "restOfLine" }): void {
    const length = this.#queue.indexOfLf();
    if (length < 0) {
      this.#queue.clear();
      return;
    }
    this.#queue.drop(length + 1);
    this.#pending = null;
    pending.settle.reject(new LineTooLong(pending.limitBytes));
  }

  /** `length` octets and the LF behind them, without CRLF or LF. */
  #takeLine(length: number): Buffer {
    const line = this.#queue.take(length + 1);
    const end = length > 0 && line[length - 1] === CR && line[length] === LF ? length - 1 : length;
    return line.subarray(0, end);
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket?.resume();
  }

  #pauseWhenFull(): void {
    if (this.#isPaused || this.#queue.length < AHEAD_BYTES) return;
    this.#isPaused = true;
    this.#socket?.pause();
  }

  #mustBeFree(): void {
    if (this.#pending) throw new Error("a read is under way already: one at a time");
  }
}
