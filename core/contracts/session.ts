/** What a client connection looks like to plugins, and what a protocol plugin gets to serve it. */
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { Identity } from "./account.ts";

/** `other`: a role that core does not know; `listener.role` says which. */
export type Protocol = "smtp" | "lmtp" | "imap" | "pop3" | "managesieve" | "http" | "other";
export type ListenerTls = "none" | "optional" | "required" | "implicit";

export interface TlsFacts {
  /** e.g. `TLSv1.3` */
  readonly protocol: string;
  readonly cipher: string;
  readonly servername: string | null;
  /** The listener asks clients for a certificate. */
  readonly isClientAsked?: boolean;
  readonly clientCertificate: Uint8Array | null;
  /** The client's certificate leads to an authority that the listener trusts (`clientCa`); one that nobody vouches for is known by its fingerprint only. */
  readonly isClientVerified?: boolean;
  /** SHA-256 of the certificate in lower case hex without colons. */
  readonly clientFingerprint?: string | null;
  /** Common name of a verified client certificate's subject. */
  readonly clientName?: string | null;
  /** Channel binding data for SASL (RFC 5929, RFC 9266); `null` where this connection has none of that type. */
  channelBinding?(type: ChannelBindingType): Uint8Array | null;
}

export type ChannelBindingType = "tls-exporter" | "tls-server-end-point";

/** One client connection of any protocol. Live: fields change as the session goes on, but only core changes them. */
export interface Session {
  readonly id: string;
  readonly protocol: Protocol;
  readonly listener: { readonly name: string; readonly role: string };
  readonly local: { readonly address: string; readonly port: number };
  /** IPv4 in dotted form also on a socket for both families; on a unix socket both addresses are `unix`, port 0. */
  readonly remote: { readonly address: string; readonly port: number; readonly hostname: string | null };
  readonly tls: TlsFacts | null;
  readonly heloName: string | null;
  /** `false`: the client said HELO, so it is plain SMTP (RFC 3848). Left out where that cannot be told. */
  readonly isExtended?: boolean;
  readonly identity: Identity | null;
  /** Aborted when the client says something before it was greeted (SMTP, RFC 5321 3.1). Left out where that cannot be told. */
  readonly spokenEarly?: AbortSignal;
  /** For whom a trusted relay or content filter speaks in this transaction (XFORWARD); for logs and traces, never for policy. */
  readonly forwarded?: ForwardedClient | null;
}

/** What XFORWARD says of the client that a message came from in the first place. `null`: not said, or not known. */
export interface ForwardedClient {
  readonly name: string | null;
  readonly address: string | null;
  readonly port: number | null;
  readonly protocol: string | null;
  readonly heloName: string | null;
  /** The id that the message had there. */
  readonly ident: string | null;
  readonly source: "local" | "remote" | null;
}

/** Reads a client's bytes under limits. One read at a time. */
export interface ConnectionReader {
  /**
   * The next line without its CRLF (or bare LF), which does not count for the limit; `null` at the end of the stream. Answers at once, without a promise,
   * when the line is here already. Throws `LineTooLong` (a `RangeError` with `code: "LINE_TOO_LONG"`) after having
   * skipped the line, so that the caller can answer and go on.
   */
  line(limitBytes: number): Buffer | null | Promise<Buffer | null>;
  /** Exactly `size` bytes, or `null` if the stream ends before. Bounded by the caller's choice of `size`. */
  exact(size: number): Buffer | null | Promise<Buffer | null>;
  /** The next `size` bytes as a stream with back-pressure; the reader goes on behind them once the stream has ended. */
  stream(size: number): Readable;
  /** Whether a whole line, or anything at all, waits in the buffer: replies may be held back to leave together. */
  readonly hasBuffered: boolean;
}

/** What `serve` gets. Limits, TLS and PROXY are done by core. */
export interface Connection {
  readonly session: Session;
  /** The socket in use: the TLS socket after `startTls`. */
  readonly socket: Socket;
  readonly reader: ConnectionReader;
  readonly listenerTls: ListenerTls;
  /** Whether STARTTLS can be offered now: a certificate exists, TLS is not on, the listener's `tls` allows it. */
  readonly canStartTls: boolean;
  /** Sends what was written, throws buffered clear text away (RFC 3207 6, RFC 9051 11.1) and shakes hands. Rejects when
   * that fails; the connection is gone then. Call it in the turn that wrote the answer to STARTTLS, not after waiting. */
  startTls(): Promise<void>;
  readonly isCompressed: boolean;
  /** From now on everything is DEFLATEd in both directions (RFC 4978). Call it in the turn that wrote the last plain answer; what the client
   * sent behind its command is thrown away. Throws if it is on already. */
  startCompression(): void;
  /** Waits for back-pressure: resolves when the client has taken enough of what was written, rejects if it left. */
  write(data: string | Uint8Array): void | Promise<void>;
  /** Aborted when the server shuts down: finish what was begun, say good-bye, call `close`. */
  readonly draining: AbortSignal;
  /** The same without a signal, which takes its time to make: whether it has begun, and whom to call when it does. Called at most once. */
  readonly isDraining: boolean;
  onDrain: (() => void) | null;
  /** Aborted when the client has gone, for whatever reason. */
  readonly closed: AbortSignal;
  /** Idle time-out in milliseconds until the next byte; `onIdle` is called once, then nothing more happens. */
  setIdleTimeout(timeoutMs: number, onIdle: () => void): void;
  /** Flushes and ends the connection. Safe to call twice. */
  close(): void;
}
