/**
 * The client of SMTP and LMTP: one conversation about one message with one host. Connections are kept and used again where
 * nothing that matters tells them apart. What to do with the answers (other hosts, bounces) is the caller's.
 */
import type { RemoteReply } from "./delivery.ts";
import type { Envelope, Message, Recipient } from "./envelope.ts";
import { defineService } from "./service.ts";

/**
 * `none`: clear text. `opportunistic`: STARTTLS where offered, and clear text where the handshake fails (RFC 7435). `required`:
 * encrypted, whoever it is. `verified`: encrypted, and the certificate shows whom it is. `implicit`: the same from the first octet
 * (RFC 8314).
 */
export type TlsLevel = "none" | "opportunistic" | "required" | "verified" | "implicit";

/** RFC 6698 2.1. `data` is the certificate association data. */
export interface TlsaRecord {
  readonly usage: number;
  readonly selector: number;
  readonly matchingType: number;
  readonly data: Uint8Array;
}

/** What a connection must be like. Plain data: two connections whose requirements differ in anything are never mixed up. */
export interface TlsRequirement {
  readonly level: TlsLevel;
  /**
   * Names of which the certificate has to carry one (RFC 6125); `*.example.org` and `.example.org` stand for any name below. The first that
   * is no pattern goes into SNI. Left out: the host's name.
   */
  readonly names?: readonly string[];
  /**
   * Usable TLSA records (RFC 7672 3.1): for `verified` and `implicit` the certificate has to match one of them, and no authority
   * is asked. An empty list is no DANE at all.
   */
  readonly tlsa?: readonly TlsaRecord[];
  /** PEM. Instead of the authorities that the system trusts. */
  readonly ca?: readonly string[];
  /** e.g. `TLSv1.2`, which it is if left out. */
  readonly minVersion?: "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";
  /** As OpenSSL writes them. */
  readonly ciphers?: string;
  /** Shown to those who ask for one. PEM. */
  readonly clientCertificate?: { readonly cert: string; readonly key: string };
}

/** Names of RFC 8460 4.3 for what a host did wrong. */
export type TlsFaultKind =
  | "starttls-not-supported"
  | "certificate-host-mismatch"
  | "certificate-expired"
  | "certificate-not-trusted"
  | "tlsa-invalid"
  | "validation-failure";

export interface TlsFault {
  readonly kind: TlsFaultKind;
  /** For the log, without control characters. */
  readonly reason: string;
}

/** An encrypted connection as it came to be. */
export interface OutboundTls {
  /** e.g. `TLSv1.3` */
  readonly protocol: string;
  readonly cipher: string;
  /** How it was shown whom we talk to: a TLSA record, or a trusted authority and a fitting name; `null`: it was not. */
  readonly verifiedBy: "dane" | "pkix" | null;
  /** What is wrong with the certificate, where that is no condition; `null`: nothing, or nobody looked. */
  readonly flaw: TlsFault | null;
  readonly isResumed: boolean;
}

export type OutboundPlace =
  /** Addresses of one host, in the order of preference; they are raced (RFC 8305). */
  | { readonly name: string; readonly addresses: readonly string[]; readonly port: number }
  /** A unix socket. */
  | { readonly name: string; readonly path: string };

/** Used where it may be: over TLS, on loopback, on a unix socket. */
export interface OutboundLogin {
  readonly username: string;
  readonly password?: string;
  /** A file whose first line is an OAuth token; read anew for each connection. */
  readonly tokenFile?: string;
  /** Only these, in this order. Left out: the strongest that both sides know. */
  readonly mechanisms?: readonly string[];
}

/** Milliseconds. Left out: what RFC 5321 4.5.3.2 asks for. */
export interface OutboundTimeouts {
  /** For a host with all its addresses. */
  readonly connectMs?: number;
  readonly greetingMs?: number;
  /** EHLO, AUTH, the handshake, RSET. */
  readonly helloMs?: number;
  readonly mailMs?: number;
  readonly rcptMs?: number;
  readonly dataMs?: number;
  /** Until the host takes some more of the content. */
  readonly blockMs?: number;
  /** From the final dot to the reply. */
  readonly endMs?: number;
}

/** How long a connection may wait for the next message. `maxUses` of 1: never. */
export interface OutboundReuse {
  readonly idleMs?: number;
  readonly maxUses?: number;
  readonly maxAgeMs?: number;
}

/** What of an envelope is said to the other side. */
export type OutboundEnvelope = Pick<Envelope, "reversePath" | "body" | "isSmtpUtf8" | "requiresTls" | "ret" | "envid">;

export interface OutboundRequest {
  readonly protocol: "smtp" | "lmtp";
  readonly place: OutboundPlace;
  /** Our name in EHLO or LHLO; left out: the server's. */
  readonly helloName?: string;
  readonly tls: TlsRequirement;
  readonly login?: OutboundLogin | null;
  /** Local addresses to send from. */
  readonly source?: { readonly ipv4?: string; readonly ipv6?: string };
  /** Whose client we speak for, said by XFORWARD to hosts that take it: content filters. */
  readonly forwards?: Pick<Envelope, "id" | "origin" | "session"> | null;
  readonly envelope: OutboundEnvelope;
  /** Each id once. */
  readonly recipients: readonly Recipient[];
  /** `null`: only a question, whether each recipient would be taken. */
  readonly message: Pick<Message, "sizeBytes" | "content" | "inMemory"> | null;
  readonly timeouts?: OutboundTimeouts;
  readonly reuse?: OutboundReuse;
  readonly signal: AbortSignal;
}

/** How far a conversation had come. */
export type OutboundPhase = "connect" | "greeting" | "hello" | "tls" | "login" | "mail" | "rcpt" | "data" | "end";

/** What is known of the connection; for the log and TLS-RPT (RFC 8460). */
export interface OutboundFacts {
  /** The address that was talked to, `unix:` and the path, or `null` where none answered. */
  readonly address: string | null;
  /** Our own side of that; `null` where there is none. */
  readonly localAddress: string | null;
  /** `null`: clear text. */
  readonly tls: OutboundTls | null;
  /** Why there is no TLS, or none that is good enough. */
  readonly tlsFault: TlsFault | null;
  readonly isReused: boolean;
}

export interface RecipientAnswer {
  readonly reply: RemoteReply;
  /** What was answered. `hello`: the host lacks what the message needs, and was not asked. */
  readonly phase: "hello" | "mail" | "rcpt" | "data" | "end";
}

export type OutboundResult =
  /** The conversation took place: an answer for each recipient, by its id. */
  | {
      readonly at: "answered";
      readonly answers: ReadonlyMap<number, RecipientAnswer>;
      /** The host took the sender's NOTIFY wishes over (RFC 3461 5.2.1). */
      readonly isDsnPassedOn: boolean;
      readonly facts: OutboundFacts;
    }
  /** No transaction: another address or host may be tried. Says nothing about the message or its recipients. */
  | {
      readonly at: "unreachable";
      readonly phase: OutboundPhase;
      readonly reply: RemoteReply;
      readonly facts: OutboundFacts;
    }
  /**
   * All of the content had been sent and no answer came, at least to those who are not in `answers`: nobody else may be tried now, because this
   * host may have taken it.
   */
  | {
      readonly at: "lost";
      readonly answers: ReadonlyMap<number, RecipientAnswer>;
      readonly reply: RemoteReply;
      readonly facts: OutboundFacts;
    };

export interface Outbound {
  /** One message to recipients at one host. Never rejects, and ends within its time limits. */
  send(request: OutboundRequest): Promise<OutboundResult>;
}
export const Outbound = defineService<Outbound>("postern/outbound@1");
