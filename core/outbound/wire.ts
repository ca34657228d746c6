/**
 * One open socket: commands out, replies in, in their order and each within its time. A reply that nobody asked for, or that is none, breaks
 * the connection, because what came behind would be taken for the answer to something else. Whoever waits gets a `ConnectionFault`.
 */
import type { Socket } from "node:net";
import { reasonOf } from "./outbound-fault.ts";
import { type Reply, ReplyParser } from "./reply-parser.ts";

export class ConnectionFault extends Error {
  override readonly name = "ConnectionFault";
  /** What the host said as it went: 421. */
  readonly reply: Reply | null;
  constructor(reason: string, reply: Reply | null = null) {
    super(reason);
    this.reply = reply;
  }
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (fault: ConnectionFault) => void;
}

/** How long a host may take to close its side after QUIT. */
const QUIT_GRACE_MS = 5_000;

export class Wire {
  readonly socket: Socket;
  readonly #parser = new ReplyParser();
  readonly #replies: Reply[] = [];
  /** Commands whose reply has not come yet. */
  #unanswered: number;
  #waiting: Waiting | null = null;
  #isDrainAwaited = false;
  #fault: ConnectionFault | null = null;
  /** It has said 421, and what it was asked then is the last that it answers (RFC 5321 3.8). */
  #isLeaving = false;
  #timer: NodeJS.Timeout | null = null;
  #timerMs = 0;
  /** Called once, when the connection is of no use any more and nobody waits for it. */
  onBroken: () => void = () => {};

  /** `unanswered`: replies that come without being asked for: the greeting. */
  constructor(socket: Socket, unanswered: number) {
    this.socket = socket;
    this.#unanswered = unanswered;
    socket.on("data", this.#onData);
    socket.on("drain", this.#onDrain);
    socket.on("end", this.#onEnd);
    socket.on("error", this.#onError);
    socket.on("close", this.#onEnd);
  }

  /** Nothing is under way in either direction, and the host stays. */
  get isQuiet(): boolean {
    const isWaitedFor = this.#unanswered > 0 || this.#replies.length > 0 || this.#parser.isWithinReply;
    return this.#fault === null && !this.#isLeaving && !isWaitedFor;
  }

  get hasReply(): boolean {
    return this.#replies.length > 0;
  }

  /** `replies`: how many this will be answered with. `false`: wait for `drained` before the next one. */
  send(data: string | Uint8Array, replies: number): boolean {
    if (this.#fault !== null) throw this.#fault;
    this.#unanswered += replies;
    return this.socket.write(data);
  }

  /** The answer to the oldest command without one. */
  reply(timeoutMs: number): Reply | Promise<Reply> {
    return this.#replies.shift() ?? this.#nextReply(timeoutMs);
  }

  async #nextReply(timeoutMs: number): Promise<Reply> {
    await this.#wait(timeoutMs);
    const reply = this.#replies.shift();
    if (reply === undefined) throw new ConnectionFault("no reply came");
    return reply;
  }

  /** Resolves when the host has taken what was written, or has said something. */
  drained(timeoutMs: number): void | Promise<void> {
    if (!this.socket.writableNeedDrain || this.hasReply) return;
    this.#isDrainAwaited = true;
    return this.#wait(timeoutMs).finally(() => {
      this.#isDrainAwaited = false;
    });
  }

  /** Lets go of the socket, for a handshake over it. Throws if clear text has come that belongs behind it (RFC 3207 6). */
  release(): Socket {
    if (!this.isQuiet) throw new ConnectionFault("the host spoke in clear text behind its answer to STARTTLS");
    this.#stopTimer();
    this.#unlisten();
    this.socket.pause();
    return this.socket;
  }

  /** Says good-bye and leaves; the answer is not waited for (RFC 5321 4.1.1.10 lets us, the host is told). */
  quit(): void {
    if (this.#fault !== null || !this.isQuiet) {
      this.destroy("no longer needed");
      return;
    }
    this.#fault = new ConnectionFault("the connection was closed by us");
    this.#stopTimer();
    this.#unlisten();
    const { socket } = this;
    socket.on("error", () => socket.destroy());
    socket.on("data", () => undefined);
    // By the clock, not by silence: a host that never stops talking goes as well.
    const limit = setTimeout(() => socket.destroy(), QUIT_GRACE_MS).unref();
    socket.on("close", () => clearTimeout(limit));
    socket.end("QUIT\r\n");
    // What the host sends from now on keeps no process from ending.
    socket.unref();
  }

  destroy(reason: string): void {
    this.#break(new ConnectionFault(reason));
    this.socket.destroy();
  }

  #wait(timeoutMs: number): Promise<void> {
    if (this.#fault !== null) return Promise.reject(this.#fault);
    this.#arm(timeoutMs);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve();
  }

  /** The time is that of the whole reply: a trickle of octets does not make it longer. */
  #arm(timeoutMs: number): void {
    if (this.#timer !== null && this.#timerMs === timeoutMs) {
      this.#timer.refresh();
      return;
    }
    this.#stopTimer();
    this.#timerMs = timeoutMs;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#waiting !== null) this.destroy(`no answer within ${Math.ceil(timeoutMs / 1_000)} s`);
    }, timeoutMs);
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #break(fault: ConnectionFault): void {
    if (this.#fault !== null) return;
    this.#fault = fault;
    this.#stopTimer();
    const waiting = this.#waiting;
    this.#waiting = null;
    // What was said before stands, and is what was waited for.
    if (this.hasReply) waiting?.resolve();
    else waiting?.reject(fault);
    this.onBroken();
  }

  #unlisten(): void {
    this.socket.off("data", this.#onData);
    this.socket.off("drain", this.#onDrain);
    this.socket.off("end", this.#onEnd);
    this.socket.off("error", this.#onError);
    this.socket.off("close", this.#onEnd);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#fault !== null) return;
    try {
      this.#parser.push(chunk, this.#onReply);
    } catch (cause) {
      this.destroy(reasonOf(cause));
      return;
    }
    if (this.#replies.length > 0) this.#wake();
  };

  readonly #onReply = (reply: Reply): void => {
    if (this.#unanswered === 0) {
      // RFC 5321 3.8: 421 may come at any time
      this.#break(new ConnectionFault("the host spoke without being asked", reply.code === 421 ? reply : null));
      this.socket.destroy();
      return;
    }
    this.#unanswered -= 1;
    this.#isLeaving ||= reply.code === 421;
    this.#replies.push(reply);
  };

  readonly #onDrain = (): void => {
    if (this.#isDrainAwaited) this.#wake();
  };

  readonly #onEnd = (): void => {
    // What was said before the end is still answered with.
    this.#break(new ConnectionFault("the host closed the connection"));
    this.socket.destroy();
  };

  readonly #onError = (error: Error): void => {
    this.#break(new ConnectionFault(error.message));
    this.socket.destroy();
  };
}
