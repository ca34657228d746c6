/** What is asked about a host before anybody connects to it, and what is answered: how TLS has to be, or that it must not be used now. */
import type { NextHop } from "postern/mail";
import type { RemoteReply, TlsLevel, TlsRequirement } from "postern/plugin";
import type { DaneRecords } from "./dane-records.ts";
import type { StsFailure, StsPolicy } from "./sts-policy.ts";

export interface TlsQuestion {
  /** The next hop: a domain, whose policies count, or a host that somebody named. */
  readonly nextHop: NextHop;
  /** One of its hosts, by name. */
  readonly host: string;
  readonly port: number;
}

/** Levels that the configuration names, the administrator's table included. */
export type PolicyLevel = TlsLevel | "auto" | "dane" | "dane-only";

/** Who decided, and by what: for the log and for TLS reports (RFC 8460). */
export interface DecidedBy {
  readonly source: "configuration" | "table" | "dane" | "mta-sts";
  /** The key of the administrator's table that was found. */
  readonly tableKey?: string;
  readonly dane?: DaneRecords;
  readonly sts?: StsPolicy;
  /** Why there is no policy of MTA-STS, or no new one, although there should be. */
  readonly stsFailure?: StsFailure;
}

export type TlsDecision =
  | { readonly at: "decided"; readonly requirement: TlsRequirement; readonly by: DecidedBy }
  /** This host must not be used now; another one may be. */
  | { readonly at: "deferred"; readonly reply: RemoteReply; readonly by: DecidedBy; readonly failure: PolicyFailure };

/** Names of RFC 8460 4.3 for what is wrong before there is a connection. */
export interface PolicyFailure {
  readonly kind: "dnssec-invalid" | "dane-required" | "validation-failure" | "policy-map";
  readonly reason: string;
}

/** RFC 3463 3.8: X.7.5 cryptographic failure; the host is not to blame, so nobody but we said it. */
export const deferral = (text: string, status = "4.7.5"): RemoteReply => ({ code: 451, status, text, host: null });
