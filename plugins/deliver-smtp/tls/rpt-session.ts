/** What one session with a host says for a report about TLS (RFC 8460): under which policy it stood, and whether it kept to it. Pure. */
import { tlsaText } from "postern/mail";
import type { OutboundFacts } from "postern/plugin";
import type { TlsDecision, TlsQuestion } from "./decision.ts";
import { isStsHost, stsLines } from "./sts-policy.ts";

/** RFC 8460 4.4: what was asked for, by whom. */
export interface ReportedPolicy {
  readonly type: "tlsa" | "sts" | "no-policy-found";
  readonly lines: readonly string[];
  readonly mxHosts: readonly string[];
}

export interface ReportedFailure {
  /** RFC 8460 4.3 */
  readonly type: string;
  readonly host: string;
  readonly address: string | null;
  /** Ours. */
  readonly localAddress: string | null;
  /** Without control characters. */
  readonly reason: string;
}

export interface ReportedSession {
  readonly policy: ReportedPolicy;
  /** `null`: a success. */
  readonly failure: ReportedFailure | null;
}

const LINES_LIMIT = 50;
const REASON_LIMIT = 200;

/** `facts: null`: nobody connected, as the decision was against it. `null`: nothing that a report is about. */
export function reportedSession(
  { nextHop, host }: TlsQuestion,
  decision: TlsDecision,
  facts: OutboundFacts | null,
): ReportedSession | null {
  // Where the administrator decided, nobody else's policy was asked for.
  if (!nextHop.usesMx || decision.by.tableKey !== undefined || facts?.isReused) return null;
  const failureOf = (type: string, reason: string): ReportedFailure => ({
    type,
    host,
    address: facts?.address ?? null,
    localAddress: facts?.localAddress ?? null,
    reason: reason.replace(/[\u0000-\u001f\u007f-\u009f]/g, " ").slice(0, REASON_LIMIT),
  });
  const policy = policyOf(host, decision);
  if (decision.at === "deferred") {
    const { kind, reason } = decision.failure;
    return kind === "policy-map" ? null : { policy, failure: failureOf(kind, reason) };
  }
  if (facts === null || facts.address === null) return null;
  const { sts, stsFailure } = decision.by;
  if (stsFailure !== undefined && sts === undefined)
    return { policy, failure: failureOf(stsFailure.kind, stsFailure.reason) };
  if (policy.type === "sts" && sts !== undefined && !isStsHost(sts, host))
    return { policy, failure: failureOf("validation-failure", "the policy does not know this host") };
  // Without a policy, encryption is all there is to succeed with.
  const flaw = policy.type === "no-policy-found" || isUnverified(decision) ? null : (facts.tls?.flaw ?? null);
  const fault = facts.tlsFault ?? flaw;
  if (fault !== null) return { policy, failure: failureOf(fault.kind, fault.reason) };
  return facts.tls === null ? null : { policy, failure: null };
}

/** RFC 7672 2.2: records that are all unusable ask for encryption alone. */
const isUnverified = ({ by }: TlsDecision): boolean => by.source === "dane" && by.dane?.usable.length === 0;

function policyOf(host: string, { by, ...decision }: TlsDecision): ReportedPolicy {
  const isAboutDane =
    by.dane !== undefined ||
    ("failure" in decision && ["dnssec-invalid", "dane-required"].includes(decision.failure.kind));
  // RFC 8461 2: where both are there, DANE counted
  if (isAboutDane && by.source !== "mta-sts")
    return { type: "tlsa", lines: (by.dane?.all ?? []).slice(0, LINES_LIMIT).map(tlsaText), mxHosts: [host] };
  if (by.sts !== undefined && by.sts.mode !== "none")
    return { type: "sts", lines: stsLines(by.sts).slice(0, LINES_LIMIT), mxHosts: by.sts.mx.slice(0, LINES_LIMIT) };
  if (by.stsFailure !== undefined) return { type: "sts", lines: [], mxHosts: [] };
  return { type: "no-policy-found", lines: [], mxHosts: [] };
}
