/**
 * With `bridge-parser.ts` the one place that knows smtp-server. Its connection keeps the socket's life (piping, errors, half-closed ends); our parser
 * cuts the octets and our conversation answers, because the originals turn content into strings, answer with fixed codes and
 * know no hooks for most verbs. What is used of its insides is pinned by `bridge.contract.test.ts`.
 *
 * Back-pressure: a verb that takes its time, an intake that is full and a client that reads no replies each stop the reading.
 * Replies to pipelined commands leave in one write (RFC 2920 3.2).
 */
import { SMTPServer } from "smtp-server";
import { SMTPConnection } from "smtp-server/lib/smtp-connection.js";
import type { SMTPStream } from "smtp-server/lib/smtp-stream.js";
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { Connection } from "../contracts/session.ts";
import { BridgeParser } from "./bridge-parser.ts";
import type { SmtpLimits } from "./config.ts";
import type { Conversation } from "./conversation.ts";
import { DataRate } from "./data-rate.ts";
import { type Alarm, Deadlines, type Watched } from "./deadlines.ts";
import type { Incoming } from "./incoming.ts";
import { reply } from "./reply.ts";
import type { Wire } from "./wire.ts";

/** Replies that are held back at most. */
const HELD_CHARS = 16 * 1024;

export interface BridgeParts {
  readonly hostname: string;
  readonly limits: SmtpLimits;
  readonly clock: Clock;
  readonly alarm: Alarm;
  readonly log: Log;
}

/** Takes connections over. */
export function createBridge(parts: BridgeParts): (connection: Connection, conversation: Conversation) => void {
  const server = new BridgeServer(parts);
  return (connection, conversation) => {
    const { socket } = connection;
    if (socket.destroyed) {
      conversation.onGone();
      return;
    }
    const bridged = new BridgeConnection(server, connection, conversation);
    server.connections.add(bridged);
    bridged.init();
  };
}

class BridgeServer extends SMTPServer {
  readonly limits: SmtpLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly deadlines: Deadlines;

  constructor({ hostname, limits, clock, alarm, log }: BridgeParts) {
    // Listening, TLS, names and log lines are ours: it is told to leave them alone. Without a name it asks the system for each connection.
    super({ name: hostname, logger: false, disableReverseLookup: true, hideSTARTTLS: true, authOptional: true });
    this.limits = limits;
    this.clock = clock;
    this.log = log;
    const shortest = Math.min(
      limits.commandTimeoutMs,
      limits.contentStartTimeoutMs,
      limits.contentTimeoutMs,
      limits.writeTimeoutMs,
    );
    this.deadlines = new Deadlines(clock, alarm, Math.max(10, Math.min(1000, shortest / 4)));
  }
}

export class BridgeConnection extends SMTPConnection implements Wire, Watched {
  readonly bridge: BridgeServer;
  readonly conversation: Conversation;
  deadline = Number.POSITIVE_INFINITY;
  #net: Connection;
  #held = "";
  #isGone = false;
  /** What octets have come for. */
  #begun: Incoming | null = null;
  #rate: DataRate | null = null;

  constructor(server: BridgeServer, net: Connection, conversation: Conversation) {
    super(server, net.socket, { id: net.session.id });
    this.bridge = server;
    this.conversation = conversation;
    this.#net = net;
  }

  /** Without the hundred milliseconds that the original waits. */
  override init(): void {
    this._setListeners(() => {
      this.waitForClient();
      this.bridge.deadlines.add(this);
      const opening = this.conversation.start(this);
      if (opening instanceof Promise) opening.then(this.#flush, (error: unknown) => this.giveUp(error));
      else this.flush();
    });
  }

  get parser(): BridgeParser | null {
    return this._parser instanceof BridgeParser ? this._parser : null;
  }

  /** Replies wait for a client that does not read them. */
  get isBlocked(): boolean {
    return this._socket.writableNeedDrain && !this._socket.destroyed;
  }

  // Wire

  override send(text: string | number, data?: string | string[] | null): void {
    if (typeof text === "string") this.#held += text;
    // Its own words, if it should ever find any.
    else this.#held += reply(text, null, data ?? "").wire;
    if (this.#held.length > HELD_CHARS) this.flush();
  }

  flush(): void {
    if (this.#held === "") return;
    const text = this.#held;
    this.#held = "";
    if (this._socket.writable) this._socket.write(text);
  }

  /** What has been answered so far does not wait for a verb that takes its time; a quick one is faster than this. */
  flushSoon(): void {
    if (this.#held !== "") setImmediate(this.#flush);
  }

  readonly #flush = (): void => this.flush();

  end(): void {
    this.flush();
    this.deadline = Number.POSITIVE_INFINITY;
    if (this.#hasSaidAll) this.destroy();
    else this.close();
  }

  /**
   * RFC 5321 4.1.1.10: behind QUIT nothing comes that would have to be let pass by, and the good-bye is the kernel's to deliver. TLS has a
   * good-bye of its own.
   */
  get #hasSaidAll(): boolean {
    const { conversation, parser, _socket: socket } = this;
    return (
      conversation.hasQuit && parser?.isUsedUp === true && socket.writableLength === 0 && this.#net.session.tls === null
    );
  }

  destroy(): void {
    this._socket.destroy();
  }

  /** Something in here is broken: this connection ends, the others go on. */
  giveUp(error: unknown): void {
    this.bridge.log.error({ err: error, session: this.id }, "fault in an SMTP session");
    this.destroy();
  }

  async startTls(): Promise<boolean> {
    this.flush();
    const clear = this._socket;
    const retired = this.parser;
    if (retired === null || this.#isGone) return false;
    // The parser is retired with all that it holds: nothing sent in clear is seen under TLS.
    clear.unpipe(retired);
    retired.isClosed = true;
    this._parser = this._createParser();
    this._upgrading = true;
    try {
      await this.#net.startTls();
      this._upgrading = false;
    } catch (error) {
      this.bridge.log.debug({ err: error, session: this.id }, "TLS handshake failed");
      this._upgrading = false;
      this._onCloseEvent();
      return false;
    }
    if (this.#isGone) return false;
    this.session.secure = this.secure = true;
    this._socket = this.#net.socket;
    this._setListeners(() => undefined);
    return true;
  }

  // Watched

  /** From now on the client owes us something. */
  waitForClient(): void {
    const { incoming, isReceiving } = this.conversation;
    const { limits, clock } = this.bridge;
    const now = clock.now();
    if (incoming === null) {
      this.deadline = now + limits.commandTimeoutMs;
      // An idle connection keeps nothing of what came before; between two chunks it is not idle.
      if (!isReceiving) this.#begun = null;
    } else this.deadline = now + (incoming === this.#begun ? limits.contentTimeoutMs : limits.contentStartTimeoutMs);
    if (isReceiving) this.#watchRate(now);
    else this.#rate = null;
  }

  /** The client sent something while we waited for content. */
  onContentSent(): void {
    this.#rate?.resume(this.bridge.clock.now());
  }

  onContent(incoming: Incoming, bytes: number): void {
    this.#begun = incoming;
    this.#rate?.count(bytes);
  }

  #watchRate(now: number): void {
    const { minDataRate, dataRatePeriodMs } = this.bridge.limits;
    if (minDataRate === 0) return;
    this.#rate ??= new DataRate(minDataRate, dataRatePeriodMs);
    this.#rate.wait(now);
    if (this.#rate.isTooSlow) this.conversation.onTooSlow();
  }

  /** The client owes us reading. If it leaves, there is nothing to go on with. */
  waitForRoom(goOn: () => void): void {
    this.deadline = this.bridge.clock.now() + this.bridge.limits.writeTimeoutMs;
    this._socket.once("drain", goOn);
  }

  waitForUs(): void {
    this.deadline = Number.POSITIVE_INFINITY;
  }

  onDeadline(): void {
    if (this._socket.writableNeedDrain) {
      // RFC 5321 4.5.3.2: it takes nothing, so it will not take a good-bye either
      this.destroy();
      return;
    }
    this.conversation.onTimeout();
  }

  // What the original does by its own lights

  override _createParser(): SMTPStream {
    return new BridgeParser(this);
  }

  override _setListeners(callback: () => void): void {
    // A client that ends its side may still wait for replies; the end of the parser closes ours.
    this._socket.allowHalfOpen = true;
    super._setListeners(callback);
  }

  /** Time-outs are deadlines here, the same for a client that sends an octet now and then. */
  override _armTimeout(): void {}

  override _onError(error: Error): void {
    this.bridge.log.debug({ err: error, session: this.id }, "connection failed");
    this.destroy();
  }

  override _onCloseEvent(): void {
    if (this.#isGone || this._upgrading) return;
    this.#isGone = true;
    this.bridge.deadlines.delete(this);
    this._onClose();
    this.conversation.onGone();
  }

  override _onCommand(): void {
    throw new Error("commands go to the conversation");
  }
}
