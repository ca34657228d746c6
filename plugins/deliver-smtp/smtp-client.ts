/**
 * The only file that knows nodemailer's SMTPConnection. It adds what that lacks (MAIL and RCPT are ours, so that NOTIFY and
 * ORCPT go with each recipient) and turns events into answers. Nothing here throws or rejects: a
 * connection that breaks is an answer with an `error`.
 */
import type { Readable, Writable } from "node:stream";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import type { Envelope, Recipient } from "postern/plugin";
import { type ChunkSink, openChunk, passOverData } from "./chunked-content.ts";
import { mailParameters, needsChunks, recipientParameters } from "./parameters.ts";
import type { TransactionRequest } from "./transaction.ts";

export interface SmtpClientError {
  readonly code: string | null;
  /** The whole reply that caused it, if one did. */
  readonly response: string | null;
  readonly reason: string;
  /** The TLS handshake broke or never ended. */
  readonly isTlsFault: boolean;
}

export interface SendAnswer {
  /** The reply to the content. */
  readonly response: string | null;
  readonly error: SmtpClientError | null;
  /** Replies of refused recipients, by their index. */
  readonly rejected: ReadonlyMap<number, string>;
  readonly isContentBegun: boolean;
}

/** What we use of nodemailer's insides; `smtp-client.contract.test.ts` holds it. */
interface Insides extends ChunkSink {
  _supportedExtensions: string[];
  _ehloLines?: string[];
  _maxAllowedSize: number | false; // 0 or false: nothing was announced
  upgrading?: boolean;
  _sendCommand(line: string, logLine?: string): void;
  _createSendStream(callback: (error: Error | null, reply?: string) => void): Writable;
}
const insides = (connection: SMTPConnection): Insides => connection as unknown as Insides;

/** nodemailer refuses some addresses that RFC 5321 knows, and with one of them all others: it never sees them. */
const SENDER = "sender";

class Connection extends SMTPConnection {
  /** What is said of the envelope, by what stands for it in nodemailer's. */
  commands: ReadonlyMap<string, string> = new Map();
  /** The content goes by BDAT, and has so many octets; `null`: by DATA. */
  chunkBytes: number | null = null;

  /** Every command passes here on its way out. */
  _sendCommand(line: string, logLine?: string): void {
    if (line === "DATA" && this.chunkBytes !== null) {
      passOverData(insides(this));
      return;
    }
    const send = (text: string) =>
      (SMTPConnection.prototype as unknown as Insides)._sendCommand.call(this, text, logLine);
    const [, placeholder] = /^(?:MAIL FROM|RCPT TO):<([^<>]*)>/.exec(line) ?? [];
    send(placeholder === undefined ? line : (this.commands.get(placeholder) ?? line));
  }

  _createSendStream(callback: (error: Error | null, reply?: string) => void): Writable {
    if (this.chunkBytes !== null) return openChunk(insides(this), this.chunkBytes, callback);
    return (SMTPConnection.prototype as unknown as Insides)._createSendStream.call(this, callback);
  }
}

export class SmtpClient {
  readonly #connection: Connection;
  readonly #request: TransactionRequest;
  #onBroken: (error: SmtpClientError) => void = () => {};
  #broken: SmtpClientError | null = null;

  constructor(request: TransactionRequest) {
    this.#request = request;
    this.#connection = new Connection({
      host: request.host.address,
      port: request.port,
      name: request.hostname,
      secure: request.tls === "implicit",
      ignoreTLS: request.tls === "none",
      requireTLS: request.tls === "required" || request.tls === "verified",
      // RFC 7435: unauthenticated encryption is better than none, so only `verified` and `implicit` look at the certificate.
      tls: {
        rejectUnauthorized: request.tls === "verified" || request.tls === "implicit",
        servername: servernameOf(request.host.name),
      },
      connectionTimeout: request.connectTimeoutMs,
      greetingTimeout: request.replyTimeoutMs,
      socketTimeout: request.replyTimeoutMs,
      logger: false,
      allowInternalNetworkInterfaces: true,
      ...(request.sourceAddress === null ? {} : { localAddress: request.sourceAddress }),
    });
    this.#connection.on("error", (error: Error) => this.#break(this.#errorOf(error)));
    this.#connection.on("end", () =>
      this.#break({ code: "ECONNECTION", response: null, reason: "the connection was closed", isTlsFault: false }),
    );
  }

  /** Greeting, EHLO, STARTTLS, AUTH. Answers what went wrong, `null` if all is ready. */
  async open(): Promise<SmtpClientError | null> {
    const connected = await this.#answered((done) => this.#connection.connect((error) => done(error ?? null)));
    if (connected || !this.#request.auth) return connected;
    if (!this.#connection.secure && !isLoopback(this.#request.host.address)) {
      return {
        code: "EAUTH",
        response: null,
        reason: "the host offers no TLS, and the password is not sent in clear",
        isTlsFault: false,
      };
    }
    const { login, password } = this.#request.auth;
    return this.#answered((done) =>
      this.#connection.login({ user: login, pass: password }, (error) => done(error ?? null)),
    );
  }

  supports(extension: string): boolean {
    const { _supportedExtensions: known, _ehloLines: lines } = insides(this.#connection);
    // nodemailer notes what it uses itself; the rest stands in what the host said (RFC 5321 4.1.1.1).
    return (
      known.includes(extension) || (lines ?? []).some((line) => line.split(" ", 1)[0]?.toUpperCase() === extension)
    );
  }

  /** What SIZE announced (RFC 1870 4); `null` if nothing. */
  get sizeLimitBytes(): number | null {
    return insides(this.#connection)._maxAllowedSize || null;
  }

  async send(
    envelope: Envelope,
    recipients: readonly Recipient[],
    message: { sizeBytes: number; content: () => Readable },
  ): Promise<SendAnswer> {
    const supports = (extension: string) => this.supports(extension);
    const mail = `MAIL FROM:<${envelope.reversePath ?? ""}>${mailParameters(envelope, message.sizeBytes, supports)}`;
    const commands = new Map([[SENDER, mail]]);
    const placeholders = recipients.map((recipient, index) => {
      const placeholder = `${index}@recipient`;
      commands.set(placeholder, `RCPT TO:<${recipient.address}>${recipientParameters(recipient, supports)}`);
      return placeholder;
    });
    this.#connection.commands = commands;
    if (needsChunks(envelope)) {
      this.#connection.chunkBytes = message.sizeBytes;
      // Its DATA would leave with the recipients otherwise.
      const { _supportedExtensions: extensions } = insides(this.#connection);
      insides(this.#connection)._supportedExtensions = extensions.filter((extension) => extension !== "PIPELINING");
    }
    const content = message.content();
    let isContentBegun = false;
    content.once("data", () => {
      isContentBegun = true;
    });
    content.pause();
    const rejected = new Map<number, string>();
    const note = (errors: readonly { recipient?: string; response?: string }[] | undefined) => {
      for (const { recipient, response } of errors ?? []) {
        const index = placeholders.indexOf(recipient ?? "");
        if (index >= 0 && response !== undefined) rejected.set(index, response);
      }
    };
    let response: string | null = null;
    const error = await this.#answered((done) => {
      this.#connection.send({ from: SENDER, to: placeholders }, content, (failure, info) => {
        note(
          ((failure ?? info) as { rejectedErrors?: { recipient?: string; response?: string }[] } | undefined)
            ?.rejectedErrors,
        );
        response = info?.response ?? null;
        done(failure ?? null);
      });
    });
    content.destroy();
    return { response, error, rejected, isContentBegun };
  }

  /** Says QUIT and leaves; the answer is not waited for. */
  close(): void {
    if (this.#broken) this.#connection.close();
    else this.#connection.quit();
  }

  destroy(): void {
    this.#break({ code: "ABORTED", response: null, reason: "the delivery took too long", isTlsFault: false });
    this.#connection.close();
  }

  #answered(begin: (done: (error: Error | null) => void) => void): Promise<SmtpClientError | null> {
    if (this.#broken) return Promise.resolve(this.#broken);
    return new Promise((resolve) => {
      this.#onBroken = resolve;
      begin((error) => resolve(error && this.#errorOf(error)));
    });
  }

  #errorOf(error: Error & { code?: string; response?: string | false }): SmtpClientError {
    const response = error.response || null;
    const code = error.code ?? null;
    const isTlsFault = code === "ETLS" || insides(this.#connection).upgrading === true;
    return { code, response, reason: response ? "refused" : error.message, isTlsFault };
  }

  #break(error: SmtpClientError): void {
    this.#broken ??= error;
    this.#onBroken(error);
  }
}

const isLoopback = (address: string): boolean => address === "::1" || address.startsWith("127.");

// RFC 6066 3: an address is no server name
const servernameOf = (name: string): string => (/^[\d.]+$|:/.test(name) ? "" : name);
