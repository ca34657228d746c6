/**
 * One client connection as the protocols see it. What is written in one turn leaves together; a client that takes nothing
 * makes writers wait. The reader takes hold of the socket when it is first asked for, so that a room which wants the raw
 * socket has it for itself. Errors of the socket end in `closed`, never in an exception.
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Certificates } from "../contracts/certificates.ts";
import type { Log } from "../contracts/log.ts";
import type { Connection, ConnectionReader, ListenerTls } from "../contracts/session.ts";
import type { SessionState } from "../kernel/session.ts";
import { unminded } from "../kernel/unminded.ts";
import { CompressedSocket } from "./compressed-socket.ts";
import { shakeHands } from "./handshake.ts";
import { IdleTimer } from "./idle-timer.ts";
import { ConnectionLost } from "./net-errors.ts";
import { SocketReader } from "./reader.ts";

/** How long a client may take to read the last bytes and close its side. */
const LINGER_MS = 5_000;

/** Made once: a reason that `abort` makes itself costs more than all else at a connection's end. */
const GONE = new ConnectionLost();
const ENDING = new Error("the server is shutting down");

export interface ConnectionInit {
  readonly socket: Socket;
  readonly session: SessionState;
  readonly listenerTls: ListenerTls;
  readonly certificates: Certificates | null;
  readonly handshakeTimeoutMs: number;
  readonly log: Log;
}

export class ClientConnection implements Connection {
  readonly session: SessionState;
  readonly listenerTls: ListenerTls;
  readonly #certificates: Certificates | null;
  readonly #handshakeTimeoutMs: number;
  readonly #log: Log;
  readonly #idle = new IdleTimer(() => this.#socket.bytesWritten - this.#socket.writableLength);
  #socket: Socket;
  /** Where octets go to and come from: the socket, or what compresses them in front of it. */
  #channel: Socket | CompressedSocket;
  #reader: SocketReader | null = null;
  /** The socket that holds back this turn's writes. */
  #corked: Socket | CompressedSocket | null = null;
  #drained: Promise<void> | null = null;
  #lingering: NodeJS.Timeout | null = null;
  onDrain: (() => void) | null = null;
  #isDraining = false;
  #isClosing = false;
  #isGone = false;
  #draining: AbortController | null = null;
  #closed: AbortController | null = null;

  constructor(init: ConnectionInit) {
    this.session = init.session;
    this.listenerTls = init.listenerTls;
    this.#certificates = init.certificates;
    this.#handshakeTimeoutMs = init.handshakeTimeoutMs;
    this.#log = init.log;
    this.#socket = init.socket;
    this.#channel = init.socket;
    if (init.socket.destroyed) this.#onGone();
    else init.socket.on("close", () => this.#onGone());
  }

  get socket(): Socket {
    return this.#socket;
  }

  get reader(): ConnectionReader {
    if (!this.#reader) {
      this.#reader = new SocketReader(() => this.#idle.touch());
      this.#attachReader(this.#reader);
    }
    return this.#reader;
  }

  get canStartTls(): boolean {
    return (
      this.session.tls === null &&
      (this.listenerTls === "optional" || this.listenerTls === "required") &&
      this.#certificates?.isAvailable === true
    );
  }

  async startTls(): Promise<void> {
    if (!this.canStartTls) throw new Error("TLS cannot be started on this connection");
    // RFC 3207 6, RFC 9051 11.1: nothing sent in clear may be taken for something sent under TLS. The answer to
    // STARTTLS leaves below, so nothing of the handshake can be among what is here now.
    this.#reader?.detach();
    this.#socket.pause();
    while (this.#socket.read() !== null);
    this.#uncork();
    await this.#shakeHands();
    if (this.#reader) this.#attachReader(this.#reader);
  }

  get isCompressed(): boolean {
    return this.#channel !== this.#socket;
  }

  startCompression(): void {
    if (this.isCompressed) throw new Error("compression is on already");
    this.#uncork();
    this.#reader?.detach();
    this.#channel = new CompressedSocket(this.#socket);
    if (this.#reader) this.#attachReader(this.#reader);
  }

  /** Implicit TLS: the handshake before anything else. Whether it worked; the connection is gone if not. */
  startsWithTls(): Promise<boolean> {
    return this.#shakeHands().then(
      () => true,
      () => false,
    );
  }

  async #shakeHands(): Promise<void> {
    if (!this.#certificates) throw new Error("there is no certificate");
    try {
      const options = this.#certificates.serverOptions();
      const { socket, facts } = await shakeHands(this.#socket, options, this.#handshakeTimeoutMs);
      this.#socket = socket;
      this.#channel = socket;
      this.session.tls = facts;
    } catch (error) {
      const { id, listener, remote } = this.session;
      const cause = error instanceof Error ? error.message : String(error);
      this.#log.info({ session: id, listener: listener.name, remote: remote.address, cause }, "TLS handshake failed");
      this.destroy();
      throw error;
    }
  }

  write(data: string | Uint8Array): void | Promise<void> {
    const socket = this.#channel;
    if (this.#isGone || this.#isClosing || !socket.writable) return gone();
    if (!this.#corked) {
      socket.cork();
      this.#corked = socket;
      // Runs when the turn and all that its promises set off have ended: replies to pipelined commands leave together.
      process.nextTick(this.#uncork);
    }
    if (socket.write(data)) return;
    this.#uncork();
    if (!socket.writableNeedDrain) return;
    this.#drained ??= this.#untilDrained(socket);
    return this.#drained;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  get draining(): AbortSignal {
    this.#draining ??= new AbortController();
    if (this.#isDraining) this.#draining.abort(ENDING);
    return this.#draining.signal;
  }

  get closed(): AbortSignal {
    this.#closed ??= new AbortController();
    if (this.#isGone) this.#closed.abort(GONE);
    return this.#closed.signal;
  }

  setIdleTimeout(timeoutMs: number, onIdle: () => void): void {
    if (!this.#isGone && !this.#isClosing) this.#idle.set(timeoutMs, onIdle);
  }

  /** The server wants to end. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#draining?.abort(ENDING);
    this.onDrain?.();
  }

  close(): void {
    if (this.#isClosing || this.#isGone) return;
    this.#isClosing = true;
    this.#idle.clear();
    this.#uncork();
    this.#channel.end();
    // Unread input would make the kernel reset the connection and take our last words with it: let it pass by.
    this.#reader?.end();
    this.#channel.resume();
    this.#lingering = setTimeout(() => this.destroy(), LINGER_MS);
  }

  /** At once, whatever was to be sent. */
  destroy(): void {
    this.#socket.destroy();
  }

  readonly #uncork = (): void => {
    this.#corked?.uncork();
    this.#corked = null;
  };

  #attachReader(reader: SocketReader): void {
    // A client may end its side and still wait for answers; whoever reads decides when to close.
    this.#socket.allowHalfOpen = true;
    reader.attach(this.#channel);
  }

  #untilDrained(socket: Duplex): Promise<void> {
    const drained = new Promise<void>((resolve, reject) => {
      const settle = (act: () => void) => {
        this.#drained = null;
        socket.off("drain", onDrain);
        socket.off("close", onClose);
        act();
      };
      const onDrain = () => settle(resolve);
      const onClose = () => settle(() => reject(new ConnectionLost()));
      socket.on("drain", onDrain);
      socket.on("close", onClose);
    });
    return unminded(drained);
  }

  #onGone(): void {
    this.#isGone = true;
    this.#idle.clear();
    if (this.#lingering) clearTimeout(this.#lingering);
    this.#reader?.end();
    this.#closed?.abort(GONE);
  }
}

const gone = (): Promise<void> => unminded(Promise.reject(new ConnectionLost()));
