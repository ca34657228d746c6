/** What the SMTP front can be told. Every field has a default; a listener's own limits override the server's. */
import type { SmtpPeers } from "./peers.ts";

/** Line ends in content other than CRLF: refuse the message, or make CRLF of them. */
export type BareLineEnds = "reject" | "normalize";

export interface SmtpLimits {
  /** Announced with SIZE and counted while receiving. */
  readonly messageSizeBytes: number;
  /** RFC 5321 4.5.3.1.8: at least 100. */
  readonly recipients: number;
  /** Refused commands and recipients before 421. */
  readonly errors: number;
  /** Commands since the last message before 421: NOOP, RSET, VRFY, a second EHLO ... */
  readonly idleCommands: number;
  readonly headerBytes: number;
  readonly headerFields: number;
  /** RFC 5321 4.5.3.1.6 names 1,000; real mail has longer ones. */
  readonly bodyLineBytes: number;
  /** RFC 5321 4.5.3.2.7: at least five minutes for a whole command. */
  readonly commandTimeoutMs: number;
  /** From 354 to the first octet of content; the client's own patience is the same (RFC 5321 4.5.3.2.4). */
  readonly contentStartTimeoutMs: number;
  /** RFC 5321 4.5.3.2.5: between two blocks of content. */
  readonly contentTimeoutMs: number;
  /** How long replies may wait for a client that does not read them. */
  readonly writeTimeoutMs: number;
  /** Octets of content a second, over a sliding period of the time that we wait for the client. 0: as slowly as it likes. */
  readonly minDataRate: number;
  readonly dataRatePeriodMs: number;
  /** `null`: as the role has it. */
  readonly bareLineEnds: BareLineEnds | null;
}

export interface SmtpConfig {
  /** Our name in banner and EHLO. */
  readonly hostname: string;
  /** Refusals of connect, HELO and MAIL are given at the first RCPT. */
  readonly delayReject: boolean;
  /** What the listener grants to named clients. */
  readonly peers: SmtpPeers;
  readonly limits: SmtpLimits;
}

export const defaultLimits: SmtpLimits = {
  messageSizeBytes: 50 * 1024 * 1024,
  recipients: 1000,
  errors: 20,
  idleCommands: 100,
  headerBytes: 512 * 1024,
  headerFields: 4000,
  bodyLineBytes: 1024 * 1024,
  commandTimeoutMs: 5 * 60_000,
  contentStartTimeoutMs: 2 * 60_000,
  contentTimeoutMs: 3 * 60_000,
  writeTimeoutMs: 5 * 60_000,
  // A phone on GPRS brings a thousand, when it is not in a tunnel.
  minDataRate: 100,
  dataRatePeriodMs: 5 * 60_000,
  bareLineEnds: null,
};
