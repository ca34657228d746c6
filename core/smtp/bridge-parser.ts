/**
 * What the client sends, cut into commands and content, and handed to the conversation one thing at a time: the next when that is done, and
 * when there is room for what it may answer. Replies to pipelined commands leave in one write (RFC 2920 3.2).
 */
import { SMTPStream } from "smtp-server/lib/smtp-stream.js";
import type { BridgeConnection } from "./bridge.ts";
import { CommandInput } from "./command-input.ts";
import type { Incoming } from "./incoming.ts";
import { AUTH_LINE_OCTETS } from "./line-limits.ts";

/** After so many commands in a row others get their turn. */
const COMMANDS_IN_A_ROW = 100;
/** A socket reads up to 64 KiB at once: one such piece must not look like too much. */
const STREAM_OPTIONS = { highWaterMark: 128 * 1024 };

export class BridgeParser extends SMTPStream {
  readonly #connection: BridgeConnection;
  readonly #input = new CommandInput(AUTH_LINE_OCTETS);
  #next: ((error?: Error | null) => void) | null = null;
  #isWaiting = false;
  /** A command or a piece of content has been taken since the client had to wait. */
  #hasMoved = false;

  constructor(connection: BridgeConnection) {
    super(STREAM_OPTIONS);
    this.#connection = connection;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, next: (error?: Error | null) => void): void {
    if (this.isClosed) {
      next();
      return;
    }
    this.#connection.onContentSent();
    this.#input.offer(chunk);
    this.#next = next;
    if (this.#connection.conversation.mayRead()) this.#run();
  }

  /** Nothing is left of what has come. */
  get isUsedUp(): boolean {
    return this.#input.isUsedUp;
  }

  /** The end of the client's side. An unfinished line is no command. */
  override _flushData(): void {
    if (!this.isClosed) this.#connection.conversation.close();
  }

  /** What came while a verb was at work under another parser (STARTTLS) can be read now. */
  wake(): void {
    if (this.#next !== null && !this.#isWaiting) this.#run();
  }

  #run(): void {
    try {
      for (let left = COMMANDS_IN_A_ROW; left > 0; left--) {
        if (!this.#step()) return;
      }
    } catch (error) {
      this.#connection.giveUp(error);
      return;
    }
    this.#isWaiting = true;
    setImmediate(this.#resume);
  }

  /** Answers whether more can be done at once. */
  #step(): boolean {
    const connection = this.#connection;
    const { conversation } = connection;
    if (this.isClosed || conversation.isEnded) {
      this.#useUp();
      return false;
    }
    const { incoming } = conversation;
    const step = incoming === null ? this.#takeLine() : this.#takeIncoming(incoming);
    if (step === "used up") {
      this.#useUp();
      return false;
    }
    this.#hasMoved = true;
    if (step instanceof Promise) {
      this.#waitFor(step);
      return false;
    }
    if (!connection.isBlocked) return true;
    this.#waitForRoom();
    return false;
  }

  #takeLine(): void | Promise<void> | "used up" {
    const line = this.#input.line();
    return line === null ? "used up" : this.#connection.conversation.onLine(line);
  }

  #takeIncoming(incoming: Incoming): void | Promise<void> | "used up" {
    const input = this.#input;
    if (input.isUsedUp) return "used up";
    const { conversation } = this.#connection;
    const end = incoming.take(input.chunk, input.offset);
    const next = end < 0 ? input.chunk.length : end;
    this.#connection.onContent(incoming, next - input.offset);
    input.offset = next;
    return end < 0 ? conversation.onIncoming(incoming) : conversation.onReceived();
  }

  /** RFC 2920 3.2: when there is nothing more to read, all replies leave. */
  #useUp(): void {
    const connection = this.#connection;
    connection.flush();
    if (connection.isBlocked && !this.isClosed) {
      this.#waitForRoom();
      return;
    }
    // Octets that make no line yet win a client no time.
    if (this.#hasMoved) connection.waitForClient();
    this.#hasMoved = false;
    const next = this.#next;
    this.#next = null;
    next?.();
  }

  #waitFor(step: Promise<void>): void {
    const connection = this.#connection;
    this.#isWaiting = true;
    connection.waitForUs();
    connection.flushSoon();
    step.then(this.#resume, (error: unknown) => connection.giveUp(error));
  }

  #waitForRoom(): void {
    this.#isWaiting = true;
    this.#connection.waitForRoom(this.#resume);
  }

  readonly #resume = (): void => {
    this.#isWaiting = false;
    const { parser } = this.#connection;
    this.#run();
    if (parser !== this) parser?.wake();
  };
}
