/**
 * One client's SMTP or LMTP session: what has been said so far, and the gates that every command passes. The bridge hands it
 * lines and content; the verbs live in `phases/`. A fault in a verb is answered 451 and logged; the session goes on.
 */
import type { LoginConversation } from "../contracts/account.ts";
import type { Log } from "../contracts/log.ts";
import type { Connection } from "../contracts/session.ts";
import type { Draft } from "../contracts/submit.ts";
import type { SessionState } from "../kernel/session.ts";
import type { CommandLine } from "./command-input.ts";
import type { Content } from "./content.ts";
import type { SmtpFrontParts } from "./front.ts";
import type { Incoming } from "./incoming.ts";
import { AUTH_LINE_OCTETS, COMMAND_OCTETS } from "./line-limits.ts";
import { continueAuth } from "./phases/auth.ts";
import { openSession } from "./phases/connect.ts";
import { findVerb, type Verb } from "./phases/verbs.ts";
import {
  bareLineFeed,
  controlCharacter,
  discardedForGood,
  discardedForNow,
  farTooLarge,
  lineTooLong,
  localError,
  notHttp,
  notUtf8,
  shuttingDown,
  timedOut,
  tlsFirst,
  tooEarly,
  tooManyErrors,
  tooManyIdleCommands,
  tooManyRecipients,
  tooSlow,
  unknownCommand,
} from "./replies.ts";
import { type Reply, reply } from "./reply.ts";
import type { Role } from "./roles.ts";
import { StandingRefusals } from "./standing-refusals.ts";
import type { Wire } from "./wire.ts";

const CONTROL = /[\u0000-\u001f\u007f]/;
const NON_ASCII = /[^\u0000-\u007f]/;
const HTTP = /^(?:GET|POST|HEAD|PUT|DELETE|OPTIONS|CONNECT|TRACE|PATCH|PRI) \S+/i;
const authLineTooLong = reply(500, "5.5.6", "Authentication exchange line is too long");

export interface Transaction {
  readonly draft: Draft;
  /** The client's SIZE. */
  readonly declaredBytes: number | null;
  readonly isSmtpUtf8: boolean;
  /** The client takes a reply for each recipient (draft-hall-prdr-00). */
  readonly isPrdr: boolean;
  /** RCPT commands answered 250, in order: LMTP owes each a reply. */
  admitted: number;
  /** RCPT commands in all. */
  offered: number;
  /** What has come of its content. Between two chunks (BDAT) the client gives commands all the same. */
  content: Content | null;
  /** A chunk was refused: what each later one is told (RFC 3030 2). */
  discards: Reply | null;
}

export type Answer = Reply | null;

const nothing = (): null => null;

export class Conversation {
  readonly parts: SmtpFrontParts;
  readonly role: Role;
  readonly connection: Connection;
  /** Core may write what plugins only read. */
  readonly session: SessionState;
  /** Where the connection comes from, whatever XCLIENT says of its client. */
  readonly peerAddress: string;
  readonly refusals = new StandingRefusals();
  /** Set once, before anything happens. */
  wire!: Wire;
  isGreeted = false;
  transaction: Transaction | null = null;
  /** Content or a chunk is being received: no commands before its end. */
  incoming: Incoming | null = null;
  /** An AUTH exchange is under way. */
  exchange: LoginConversation | null = null;
  /** It said QUIT: nothing more is to come from it. */
  hasQuit = false;
  /** The client is not wanted: what it is told, whatever it says, until it leaves. */
  turnedAway: Reply | null = null;
  #isReady = false;
  #isSpokenEarly = false;
  #isEnded = false;
  #isBusy = false;
  #errors = 0;
  #idleCommands = 0;
  #discardedBytes = 0;
  /** What is done behind the last octet of what comes in. */
  #onReceived: () => Answer | Promise<Answer> = nothing;
  #log: Log | null = null;

  constructor(parts: SmtpFrontParts, role: Role, connection: Connection) {
    this.parts = parts;
    this.role = role;
    this.connection = connection;
    this.session = connection.session as SessionState;
    this.peerAddress = this.session.remote.address;
  }

  get log(): Log {
    const { id, listener, remote } = this.session;
    this.#log ??= this.parts.log.child({ session: id, listener: listener.name, remote: remote.address });
    return this.#log;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  start(wire: Wire): void | Promise<void> {
    this.wire = wire;
    return this.#run(() => openSession(this));
  }

  /** The banner is out: commands are welcome. */
  ready(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.connection.onDrain = () => this.onDraining();
  }

  /** The client sent something: may it be read now? Before the banner it should not have spoken at all. */
  mayRead(): boolean {
    if (!this.#isReady) this.#onSpokenEarly();
    return this.#isReady && !this.#isBusy;
  }

  #onSpokenEarly(): void {
    this.#isSpokenEarly = true;
    this.session.speakEarly();
  }

  /** Whether the client spoke before the banner was ready: it is told so instead. */
  takeEarlyTalker(): boolean {
    if (this.#isSpokenEarly) this.answer(tooEarly);
    return this.#isSpokenEarly;
  }

  /** One line from the client. A promise means: no further line before. */
  onLine(line: Exclude<CommandLine, null>): void | Promise<void> {
    if (this.exchange !== null) {
      if (typeof line !== "string") return this.#run(() => continueAuth(this, line));
      this.exchange.cancel();
      this.exchange = null;
      return this.answer(line === "too long" ? authLineTooLong : bareLineFeed);
    }
    if (line === "too long") return this.answer(lineTooLong);
    if (line === "bare LF") return this.answer(bareLineFeed);
    return this.#command(line);
  }

  /** From here on come octets, no lines; behind the last of them `next` has the word. */
  receive(incoming: Incoming, next: () => Answer | Promise<Answer>): void {
    this.incoming = incoming;
    this.#onReceived = next;
  }

  /** Some of the octets are here. A promise means: wait before taking more. */
  onIncoming(incoming: Incoming): void | Promise<void> {
    if (!incoming.isHopeless) return incoming.takeWaiting() ?? undefined;
    this.log.info({ id: this.transaction?.draft.envelope.id ?? null }, "a message far over the size limit was cut off");
    return this.answer(farTooLarge);
  }

  /** All of the octets are here. */
  onReceived(): void | Promise<void> {
    this.incoming = null;
    const next = this.#onReceived;
    // An idle connection keeps nothing of the message that it brought.
    this.#onReceived = nothing;
    return this.#run(next);
  }

  /** A message is on its way, in one go or in chunks. */
  get isReceiving(): boolean {
    return this.transaction !== null && this.transaction.content !== null;
  }

  onTimeout(): void {
    this.log.debug({}, "client timed out");
    this.answer(timedOut);
    this.wire.flush();
  }

  /** It sends content, but so slowly that it would hold the connection for ever. */
  onTooSlow(): void {
    this.log.info({ id: this.transaction?.draft.envelope.id ?? null }, "client sends too slowly");
    this.answer(tooSlow);
    this.wire.flush();
  }

  /** Finishes what was begun, then says good-bye. */
  onDraining(): void {
    if (this.#isEnded || this.#isBusy || this.transaction !== null || !this.#isReady) return;
    this.answer(shuttingDown);
    this.wire.flush();
  }

  /** The client has gone. */
  onGone(): void {
    this.#isEnded = true;
    this.exchange?.cancel();
    this.exchange = null;
    // While a verb runs, it may be using the draft: whoever is busy closes it when done.
    if (!this.#isBusy) this.endTransaction();
  }

  /** Back to the state behind EHLO (RFC 5321 4.1.1.5). */
  endTransaction(): void {
    const { transaction } = this;
    this.incoming = null;
    this.transaction = null;
    this.refusals.forget("mailFrom");
    this.session.forwarded = null;
    if (transaction === null) return;
    const { content } = transaction;
    if (content !== null) this.watch(content.intake.abort(), "dropping content failed");
    this.watch(transaction.draft.close(), "closing a transaction failed");
  }

  /** As if the client had just come: another one speaks from here on (XCLIENT). */
  startOver(): void {
    this.endTransaction();
    this.refusals.forgetAll();
    this.isGreeted = false;
    this.turnedAway = null;
    this.#log = null;
  }

  /** Mail went through: the client is no trouble maker. */
  forgive(): void {
    this.#errors = 0;
    this.#idleCommands = 0;
    this.#discardedBytes = 0;
  }

  /** One more command that brings no mail nearer; a reply when they are too many. */
  countIdle(): Reply | null {
    return ++this.#idleCommands > this.parts.config.limits.idleCommands ? tooManyIdleCommands : null;
  }

  /** Whether it is worth reading so much only to throw it away. */
  affordsDiscarding(sizeBytes: number): boolean {
    this.#discardedBytes += sizeBytes;
    return this.#discardedBytes <= 2 * this.parts.config.limits.messageSizeBytes;
  }

  /** For what nobody waits for. */
  watch(step: Promise<void>, text: string): void {
    step.catch((error: unknown) => this.log.error({ err: error }, text));
  }

  answer(answer: Reply): void {
    if (this.#isEnded) return;
    this.wire.send(answer.wire);
    if (this.#isMistake(answer) && ++this.#errors >= this.parts.config.limits.errors && !answer.closes) {
      this.log.info({ errors: this.#errors }, "too many errors");
      this.wire.send(tooManyErrors.wire);
      this.close();
    } else if (answer.closes) {
      this.close();
    }
  }

  /** RFC 5321 4.5.3.1.10: 452 leaves the rest for the next transaction; closing then would lose the message for all of them. */
  #isMistake(answer: Reply): boolean {
    if (answer === discardedForGood || answer === discardedForNow) return false; // many at once when pipelined; counted as idle
    if (answer !== tooManyRecipients) return answer.code >= 400;
    return (this.transaction?.offered ?? 0) > 2 * this.parts.config.limits.recipients;
  }

  close(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.wire.end();
    if (!this.#isBusy) this.endTransaction();
  }

  #command(line: Buffer): void | Promise<void> {
    let text = line.toString("latin1");
    if (NON_ASCII.test(text)) {
      text = line.toString("utf8");
      if (text.includes("\ufffd")) return this.answer(notUtf8);
    }
    if (CONTROL.test(text)) return this.answer(controlCharacter);
    const space = text.indexOf(" ");
    const word = (space < 0 ? text : text.slice(0, space)).toUpperCase();
    const verb = findVerb(word);
    if (verb === undefined) {
      if (!HTTP.test(text)) return this.answer(unknownCommand);
      this.log.info({}, "HTTP request on a mail port");
      return this.answer(notHttp);
    }
    if (line.length + 2 > (word === "AUTH" ? AUTH_LINE_OCTETS : COMMAND_OCTETS)) return this.answer(lineTooLong);
    return this.#perform(verb, space < 0 ? "" : text.slice(space + 1));
  }

  #perform(verb: Verb, argument: string): void | Promise<void> {
    if (this.turnedAway !== null && !verb.isForTurnedAway) return this.answer(this.turnedAway);
    // RFC 3207 4: TLS is required for everything but what leads to it
    if (!verb.isAllowedInClear && this.connection.listenerTls === "required" && this.session.tls === null) {
      return this.answer(tlsFirst);
    }
    if (verb.isIdle) {
      const tooMany = this.countIdle();
      if (tooMany !== null) return this.answer(tooMany);
    }
    return this.#run(() => verb.phase(this, argument), verb.onFault);
  }

  #run(step: () => Answer | Promise<Answer>, onFault?: Verb["onFault"]): void | Promise<void> {
    let answer: Answer | Promise<Answer>;
    try {
      answer = step();
    } catch (error) {
      return this.#done(this.#fault(error, onFault));
    }
    if (!(answer instanceof Promise)) return this.#done(answer);
    this.#isBusy = true;
    return answer
      .catch((error: unknown) => this.#fault(error, onFault))
      .then((late) => {
        this.#isBusy = false;
        this.#done(late);
      });
  }

  #done(answer: Answer): void {
    if (answer !== null) this.answer(answer);
    if (this.#isEnded) {
      // The client left while the verb was at work.
      this.exchange?.cancel();
      this.exchange = null;
      this.endTransaction();
      return;
    }
    if (this.transaction === null && this.connection.isDraining) this.onDraining();
  }

  #fault(error: unknown, onFault: Verb["onFault"]): Reply {
    this.log.error({ err: error }, "fault in an SMTP command");
    this.incoming = null;
    return onFault?.(this) ?? localError;
  }
}
