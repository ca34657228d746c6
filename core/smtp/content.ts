/**
 * One message's content on its way from the wire into an `Intake`, under limits. The first thing that goes wrong becomes the
 * reply to the whole message; what still comes is read and thrown away, so that the conversation can go on behind the dot.
 */
import type { Intake } from "../contracts/submit.ts";
import type { BareLineEnds, SmtpLimits } from "./config.ts";
import type { Incoming } from "./incoming.ts";
import { LineEnds } from "./line-ends.ts";
import { localError, messageTooLarge, storageFull } from "./replies.ts";
import { type Reply, reply } from "./reply.ts";

const headerTooLarge = reply(552, "5.3.4", "Message header exceeds the size limit");
const tooManyFields = reply(554, "5.6.0", "Message header has too many fields");
const lineTooLong = reply(554, "5.6.0", "Message has a line that is too long");
const bareLineEnd = reply(550, "5.6.0", "Message has a line end that is not CRLF");
const nul = reply(550, "5.6.0", "Message has a NUL octet");

/** Smaller pieces are gathered: a client that sends octet by octet must not cost an object for each. */
const SMALL_BYTES = 1024;
const GATHER_BYTES = 16 * 1024;

/** So much of a message over its size is read and thrown away; who sends more is cut off. */
const DISCARD_FACTOR = 2;

/** Finds out where content ends on the wire, and counts what limits and policies are about. */
export interface Framing {
  /** Scans from `start`; answers where that begins which follows, or -1 if the content goes on. */
  scan(chunk: Buffer, start: number): number;
  /** Nothing more comes. */
  finish(): void;
  /** Line ends other than CRLF (RFC 5321 2.3.8). */
  readonly bareLineEnds: number;
  readonly hasNul: boolean;
  readonly longestLineBytes: number;
  readonly headerBytes: number;
  /** Lines of the header that do not continue another. */
  readonly headerFields: number;
}

export interface ContentOptions<F extends Framing> {
  readonly intake: Intake;
  readonly limits: SmtpLimits;
  /** What to do with bare CR and LF (smuggling): refuse the message, or mend them. NUL is always refused. */
  readonly lineEnds: BareLineEnds;
  readonly framing: (onPiece: (piece: Buffer) => void) => F;
}

/** The reply to an error of the spool; the cause is for the log. */
export const faultReply = (error: unknown): Reply =>
  error instanceof Error && "code" in error && error.code === "SPOOL_FULL" ? storageFull : localError;

export class Content<F extends Framing = Framing> implements Incoming {
  readonly intake: Intake;
  readonly framing: F;
  /** The reply to the message, unless all goes well. */
  problem: Reply | null = null;
  /** Error of the intake, for the log. */
  fault: unknown = null;
  readonly #limits: SmtpLimits;
  readonly #lineEnds: BareLineEnds;
  readonly #mending = new LineEnds();
  #waiting: Promise<void> | null = null;
  #small: Buffer | null = null;
  #smallBytes = 0;
  #sizeBytes = 0;

  constructor({ intake, limits, lineEnds, framing }: ContentOptions<F>) {
    this.intake = intake;
    this.#limits = limits;
    this.#lineEnds = lineEnds;
    this.framing = framing((piece) => this.#take(piece));
  }

  /** Content octets so far, also those that were thrown away. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Takes the chunk from `start`; answers where the next command begins, or -1 if the content goes on. */
  take(chunk: Buffer, start: number): number {
    const end = this.framing.scan(chunk, start);
    this.#check();
    return end;
  }

  get isHopeless(): boolean {
    return this.#sizeBytes > DISCARD_FACTOR * this.#limits.messageSizeBytes;
  }

  /** All of it is here: what was held back goes on its way. */
  finish(): void {
    this.framing.finish();
    this.#check();
    const missing = this.#lineEnds === "normalize" ? this.#mending.end() : null;
    if (missing !== null && this.problem === null) this.#gather(missing);
    this.#flush();
  }

  /** More has been announced than may come. */
  announce(sizeBytes: number): void {
    if (this.#sizeBytes + sizeBytes > this.#limits.messageSizeBytes) this.fail(messageTooLarge);
  }

  /** What has to be waited for before more is taken. */
  takeWaiting(): Promise<void> | null {
    const waiting = this.#waiting;
    this.#waiting = null;
    return waiting;
  }

  /** Nothing more is kept; the intake forgets what it had. */
  fail(problem: Reply): void {
    if (this.problem !== null) return;
    this.problem = problem;
    this.#small = null;
    this.#wait(this.intake.abort());
  }

  #take(piece: Buffer): void {
    this.#sizeBytes += piece.length;
    if (this.problem !== null) return;
    if (this.#sizeBytes > this.#limits.messageSizeBytes) {
      this.fail(messageTooLarge);
      return;
    }
    const content = this.#lineEnds === "normalize" ? this.#mending.normalise(piece) : piece;
    if (content.length < SMALL_BYTES) this.#gather(content);
    else {
      this.#flush();
      this.#write(content);
    }
  }

  #gather(piece: Buffer): void {
    if (this.#small === null) {
      this.#small = piece;
      this.#smallBytes = piece.length;
      return;
    }
    if (this.#small.length < GATHER_BYTES) {
      const gathered = Buffer.allocUnsafe(GATHER_BYTES);
      this.#small.copy(gathered, 0, 0, this.#smallBytes);
      this.#small = gathered;
    }
    if (this.#smallBytes + piece.length > GATHER_BYTES) {
      this.#flush();
      this.#gather(piece);
      return;
    }
    piece.copy(this.#small, this.#smallBytes);
    this.#smallBytes += piece.length;
  }

  #flush(): void {
    const small = this.#small;
    if (small === null) return;
    this.#small = null;
    if (this.problem === null && this.#smallBytes > 0) this.#write(small.subarray(0, this.#smallBytes));
  }

  #write(piece: Buffer): void {
    if (this.problem !== null) return;
    try {
      this.#wait(this.intake.write(piece));
    } catch (error) {
      this.#onFault(error);
    }
  }

  #wait(step: void | Promise<void>): void {
    if (!(step instanceof Promise)) return;
    const safe = step.catch((error: unknown) => this.#onFault(error));
    this.#waiting = this.#waiting ? Promise.all([this.#waiting, safe]).then(() => undefined) : safe;
  }

  #onFault(error: unknown): void {
    this.fault ??= error;
    this.fail(faultReply(error));
  }

  #check(): void {
    if (this.problem !== null) return;
    const { framing } = this;
    const limits = this.#limits;
    if (framing.headerBytes > limits.headerBytes) this.fail(headerTooLarge);
    else if (framing.headerFields > limits.headerFields) this.fail(tooManyFields);
    else if (framing.longestLineBytes > limits.bodyLineBytes) this.fail(lineTooLong);
    else if (framing.hasNul) this.fail(nul);
    // Smuggling: whoever forwards this must not see a line end where we saw none.
    else if (framing.bareLineEnds > 0 && this.#lineEnds === "reject") this.fail(bareLineEnd);
  }
}
