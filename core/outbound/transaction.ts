/**
 * One transaction over an open connection: MAIL, RCPT, content, and an answer for each recipient. Commands leave in as few writes as the host
 * lets us (RFC 2920, RFC 3030). Throws `ConnectionFault` when the connection breaks; `progress` says what is certain by then.
 */
import type { Recipient } from "../contracts/envelope.ts";
import type { OutboundEnvelope, RecipientAnswer } from "../contracts/outbound.ts";
import type { ForwardedClient } from "../contracts/session.ts";
import { mailCommand, rcptCommand } from "./commands.ts";
import { type Content, sendChunk, sendData, smallChunk } from "./content.ts";
import type { Features } from "./features.ts";
import { isSuccess, remoteReply } from "./remote-reply.ts";
import type { Reply } from "./reply-parser.ts";
import type { Timeouts } from "./timeouts.ts";
import { ConnectionFault, type Wire } from "./wire.ts";
import { xforwardCommands } from "./xforward.ts";

export interface TransactionRoom {
  readonly wire: Wire;
  readonly features: Features;
  /** For the answers. */
  readonly host: string;
  readonly isLmtp: boolean;
  readonly timeouts: Timeouts;
  /** Something of an earlier transaction may be left. */
  readonly needsReset: boolean;
  /** Nobody can tell whether the host is still there: the content waits for its first answer. */
  readonly isStale: boolean;
}

export interface TransactionRequest {
  readonly envelope: OutboundEnvelope;
  readonly body: OutboundEnvelope["body"];
  readonly isSmtpUtf8: boolean;
  readonly forwarded: ForwardedClient | null;
  readonly recipients: readonly Recipient[];
  /** `null`: only a question. */
  readonly content: Content | null;
}

/** Grows as the transaction goes on; true at any time. */
export interface Progress {
  readonly answers: Map<number, RecipientAnswer>;
  phase: RecipientAnswer["phase"];
  /** The host has all of the content: it may take the message without our hearing of it. */
  isContentSent: boolean;
  /** The next transaction has to begin with RSET. */
  needsReset: boolean;
}

export async function transact(room: TransactionRoom, request: TransactionRequest, progress: Progress): Promise<void> {
  await new Transaction(room, request, progress).run();
}

class Transaction {
  readonly #room: TransactionRoom;
  readonly #request: TransactionRequest;
  readonly #progress: Progress;
  readonly #isPipelined: boolean;
  /** How the content goes; `with`: behind the commands, in the same write. LMTP answers for each recipient, and how many is not known then. */
  readonly #way: "none" | "data" | "chunk" | "with";

  constructor(room: TransactionRoom, request: TransactionRequest, progress: Progress) {
    this.#room = room;
    this.#request = request;
    this.#progress = progress;
    const { features, isStale, isLmtp } = room;
    this.#isPipelined = features.has("PIPELINING");
    const { content } = request;
    const chunked = features.has("CHUNKING");
    const isSmall = content !== null && smallChunk(content) !== null;
    if (content === null) this.#way = "none";
    else if (!chunked) this.#way = "data";
    else this.#way = this.#isPipelined && isSmall && !isStale && !isLmtp ? "with" : "chunk";
  }

  async run(): Promise<void> {
    const { wire, timeouts, needsReset } = this.#room;
    const { recipients } = this.#request;
    const progress = this.#progress;
    const features = this.#room.features;
    const { envelope, body, isSmtpUtf8, content } = this.#request;
    const preface = this.#preface(needsReset);
    const sizeBytes = content?.sizeBytes ?? null;
    const mail = mailCommand(envelope, { sizeBytes, body, isSmtpUtf8 }, features);
    const rcpts = recipients.map((recipient) => rcptCommand(recipient, features));
    progress.needsReset = true;
    if (this.#isPipelined) this.#sendAll([...preface, mail, ...rcpts]);
    for (const command of preface) this.#closing(await this.#say(command, timeouts.helloMs));
    progress.phase = "mail";
    const taken = this.#closing(await this.#say(mail, timeouts.mailMs));
    if (!isSuccess(taken)) {
      progress.isContentSent = false; // whatever was sent along, nobody can take it
      for (const { id } of recipients) this.#answer(id, taken, "mail");
      if (this.#isPipelined) for (const _ of recipients) await wire.reply(timeouts.rcptMs);
      await this.#withdraw();
      return;
    }
    progress.phase = "rcpt";
    const accepted: Recipient[] = [];
    for (const [at, recipient] of recipients.entries()) {
      const pending = this.#say(rcpts[at] ?? "", timeouts.rcptMs);
      const reply = pending instanceof Promise ? await pending : pending;
      if (isSuccess(reply)) accepted.push(recipient);
      else this.#answer(recipient.id, this.#closing(reply), "rcpt");
      if (isSuccess(reply) && content === null) this.#answer(recipient.id, reply, "rcpt");
    }
    if (content === null) return;
    if (accepted.length === 0) await this.#withdraw();
    else await this.#content(content, accepted);
  }

  /** What stands before MAIL. */
  #preface(needsReset: boolean): readonly string[] {
    const { forwarded } = this.#request;
    const { features } = this.#room;
    const reset = needsReset ? ["RSET\r\n"] : [];
    return forwarded === null || features.xforward.size === 0
      ? reset
      : [...reset, ...xforwardCommands(forwarded, features)];
  }

  /** RFC 2920 3.1: RSET, MAIL and RCPT may stand anywhere in a group, DATA only at its end. BDAT may follow at once (RFC 3030 4.2). */
  #sendAll(commands: readonly string[]): void {
    const { wire } = this.#room;
    const { content } = this.#request;
    const all = commands.join("");
    if (this.#way === "data") {
      wire.send(`${all}DATA\r\n`, commands.length + 1);
      return;
    }
    const chunk = this.#way === "with" && content !== null ? smallChunk(content) : null;
    if (chunk === null) wire.send(all, commands.length);
    else {
      this.#progress.isContentSent = true;
      wire.send(Buffer.concat([Buffer.from(all), ...chunk]), commands.length + 1);
    }
  }

  #say(command: string, timeoutMs: number): Reply | Promise<Reply> {
    if (!this.#isPipelined) this.#room.wire.send(command, 1);
    return this.#room.wire.reply(timeoutMs);
  }

  async #content(content: Content, accepted: readonly Recipient[]): Promise<void> {
    const { wire, timeouts, isLmtp } = this.#room;
    const progress = this.#progress;
    const replies = isLmtp ? accepted.length : 1; // RFC 2033 4.2
    progress.phase = "data";
    if (this.#way === "data") {
      if (!this.#isPipelined) wire.send("DATA\r\n", 1);
      const ready = this.#closing(await wire.reply(timeouts.dataMs));
      if (ready.code !== 354) {
        // RFC 5321 4.3.2: 354 and nothing else means yes
        if (isSuccess(ready)) throw new ConnectionFault(`the host said ${ready.code} to DATA`);
        for (const { id } of accepted) this.#answer(id, ready, "data");
        return;
      }
    }
    progress.phase = "end";
    let isWhole = true;
    if (this.#way === "data") isWhole = await sendData(wire, content, replies, timeouts, progress);
    else if (this.#way === "chunk") isWhole = await sendChunk(wire, content, replies, timeouts, progress);
    await this.#ending(accepted, isWhole);
  }

  async #ending(accepted: readonly Recipient[], isWhole: boolean): Promise<void> {
    const { wire, timeouts, isLmtp } = this.#room;
    let isTaken = true;
    // RFC 5321 4.1.1.4: a host that answers before the end can only refuse, and what it has read of the rest nobody knows
    let isClosing = !isWhole;
    let reply: Reply | null = null;
    for (const { id } of accepted) {
      if (reply === null || isLmtp) {
        const pending = wire.reply(timeouts.endMs);
        reply = pending instanceof Promise ? await pending : pending;
        if ((reply.code >= 300 && reply.code < 400) || (isSuccess(reply) && !isWhole))
          throw new ConnectionFault(`the host said ${reply.code} to the content`);
      }
      this.#answer(id, reply, "end");
      isTaken &&= isSuccess(reply);
      isClosing ||= reply.code === 421;
    }
    if (isClosing) wire.destroy("the host takes its leave");
    // RFC 5321 4.1.1.4: the end of the content ends the transaction. After a failed BDAT only RSET does (RFC 3030 2).
    this.#progress.needsReset = !isTaken;
  }

  /** Nobody is to get anything, and DATA or the content may have been sent already. */
  async #withdraw(): Promise<void> {
    const { wire, timeouts } = this.#room;
    if (!this.#isPipelined || this.#way === "none" || this.#way === "chunk") return;
    if (this.#way === "with") {
      this.#progress.isContentSent = false;
      await wire.reply(timeouts.endMs);
      return;
    }
    const ready = await wire.reply(timeouts.dataMs);
    if (ready.code !== 354) return;
    // RFC 2920 3.1: a host that wants content for nobody gets a lone dot
    wire.send(".\r\n", 1);
    await wire.reply(timeouts.endMs);
  }

  #answer(id: number, reply: Reply, phase: RecipientAnswer["phase"]): void {
    this.#progress.answers.set(id, { reply: remoteReply(reply, this.#room.host), phase });
  }

  /** RFC 5321 3.8: with 421 the host takes its leave, whatever it was asked. 3yz is an answer to DATA alone (RFC 5321 4.3.2). */
  #closing(reply: Reply): Reply {
    if (reply.code >= 300 && reply.code < 400 && this.#progress.phase !== "data")
      throw new ConnectionFault(`the host said ${reply.code} out of place`);
    if (reply.code !== 421) return reply;
    this.#progress.isContentSent = false;
    throw new ConnectionFault("the host takes its leave", reply);
  }
}
