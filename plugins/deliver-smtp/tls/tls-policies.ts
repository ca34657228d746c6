/**
 * How TLS has to be with one host, before anybody connects to it. The administrator's table decides first; where it, or the configuration, leaves it to
 * the other side, DANE (RFC 7672) does, then MTA-STS (RFC 8461), which DANE outranks. Where something that would ask for more cannot be found
 * out now, the host must not be used now. Rejects when a table or the KeyValue cannot answer: the delivery waits.
 */
import type { Log, Resolver, Table, TlsRequirement } from "postern/plugin";
import { findDane } from "./dane-records.ts";
import { type DecidedBy, deferral, type PolicyLevel, type TlsDecision, type TlsQuestion } from "./decision.ts";
import type { NameMatch, PolicyEntry } from "./policy-entry.ts";
import { findPolicy } from "./policy-map.ts";
import type { StsPolicies } from "./sts-policies.ts";
import { isStsHost } from "./sts-policy.ts";

export interface TlsPoliciesParts {
  /** What the configuration says. */
  readonly level: PolicyLevel;
  /** What else each requirement has: authorities of our own. */
  readonly more: Omit<TlsRequirement, "level" | "names" | "tlsa">;
  readonly isDaneUsed: boolean;
  /** `null`: MTA-STS is not used. */
  readonly sts: Pick<StsPolicies, "find"> | null;
  readonly tables: readonly Table[];
  readonly resolver: Pick<Resolver, "mx" | "addresses" | "alias" | "tlsa">;
  readonly log: Log;
}

export interface TlsPolicies {
  decide(question: TlsQuestion, signal: AbortSignal): Promise<TlsDecision>;
}

/** What is asked for before DANE and MTA-STS have a say, and whether they may. */
interface Base {
  readonly requirement: TlsRequirement;
  readonly by: DecidedBy;
  readonly dane: "no" | "if there" | "must";
  readonly usesSts: boolean;
}

export function createTlsPolicies(parts: TlsPoliciesParts): TlsPolicies {
  return {
    async decide(question, signal) {
      const base = await baseOf(question, parts);
      const known = "at" in base || base.dane === "no" ? base : await withDane(base, question, parts, signal);
      return "at" in known ? known : withSts(known, question, parts, signal);
    },
  };
}

async function withDane(
  base: Base,
  question: TlsQuestion,
  { resolver }: TlsPoliciesParts,
  signal: AbortSignal,
): Promise<Base | TlsDecision> {
  const { requirement, by } = base;
  const found = await findDane(question, resolver, signal);
  if (found.at === "failed") return notUsed(question, `DANE: ${found.reason}`, by, "dnssec-invalid");
  if (found.at === "found" && found.dane.usable.length > 0) {
    const { usable, names } = found.dane;
    const verified: TlsRequirement = { ...requirement, level: "verified", names, tlsa: usable };
    return { at: "decided", requirement: verified, by: { ...by, source: "dane", dane: found.dane } };
  }
  if (base.dane === "must") {
    const reason = found.at === "found" ? `${question.host} has no TLSA record that is usable` : found.reason;
    return notUsed(question, `DANE is required: ${reason}`, by, "dane-required");
  }
  if (found.at === "none") return base;
  // RFC 7672 2.2: all records unusable, so TLS is a must, and nothing verifies it
  return {
    ...base,
    requirement: { ...requirement, level: "required" },
    by: { ...by, source: "dane", dane: found.dane },
  };
}

async function withSts(
  { requirement, by, usesSts }: Base,
  question: TlsQuestion,
  { sts }: TlsPoliciesParts,
  signal: AbortSignal,
): Promise<TlsDecision> {
  const { nextHop, host } = question;
  if (!usesSts || sts === null || !nextHop.usesMx) return { at: "decided", requirement, by };
  const { policy, failure } = await sts.find(nextHop.host, signal);
  const noted: DecidedBy = { ...by, ...(policy && { sts: policy }), ...(failure && { stsFailure: failure }) };
  // What is known then may not be all.
  if (signal.aborted) return notUsed(question, "the delivery was called off", noted, "validation-failure");
  if (policy?.mode !== "enforce") return { at: "decided", requirement, by: noted };
  const enforced: DecidedBy = { ...noted, source: "mta-sts" };
  if (!isStsHost(policy, host)) {
    const reason = `the MTA-STS policy of ${nextHop.host} does not know it`;
    return notUsed(question, reason, enforced, "validation-failure");
  }
  // RFC 8461 4.2
  return { at: "decided", requirement: { ...requirement, level: "verified", names: [host] }, by: enforced };
}

async function baseOf(question: TlsQuestion, { tables, log, ...parts }: TlsPoliciesParts): Promise<Base | TlsDecision> {
  const found = await findPolicy(tables, question.nextHop);
  if (found === null) return baseFrom({ level: parts.level }, question, { source: "configuration" }, parts);
  const by: DecidedBy = { source: "table", tableKey: found.key };
  if (found.ok) return baseFrom(found.entry, question, by, parts);
  log.error({ key: found.key, mistake: found.mistake }, "an entry of tlsPolicies is no entry: its mail waits");
  const reply = deferral("The TLS policy for this destination cannot be read", "4.3.5");
  return { at: "deferred", reply, by, failure: { kind: "policy-map", reason: found.mistake } };
}

function baseFrom(
  entry: PolicyEntry,
  question: TlsQuestion,
  by: DecidedBy,
  { isDaneUsed, sts, more }: Pick<TlsPoliciesParts, "isDaneUsed" | "sts" | "more">,
): Base {
  const { level, match, pinned, minVersion, ciphers } = entry;
  const isLeftToThem = level === "auto" || level === "dane" || level === "dane-only";
  const names = match?.flatMap((one) => namesOf(one, question));
  const requirement: TlsRequirement = {
    ...more,
    level: isLeftToThem ? "opportunistic" : level,
    ...(names !== undefined && { names }),
    ...(pinned !== undefined && { tlsa: pinned }),
    ...(minVersion !== undefined && { minVersion }),
    ...(ciphers !== undefined && { ciphers }),
  };
  // What the configuration asks for at least, they may raise; what the table says in so many words stands.
  const mayBeRaised = isLeftToThem || (by.source === "configuration" && level === "required");
  if (level === "dane-only") return { requirement, by, dane: "must", usesSts: false };
  const usesDane = level === "dane" || (mayBeRaised && isDaneUsed);
  return {
    requirement,
    by,
    dane: usesDane ? "if there" : "no",
    usesSts: mayBeRaised && level !== "dane" && sts !== null,
  };
}

function namesOf(match: NameMatch, { host, nextHop }: TlsQuestion): readonly string[] {
  switch (match.at) {
    case "host":
      return [host];
    case "nextHop":
      return [nextHop.host];
    case "belowNextHop":
      return [`.${nextHop.host}`];
    case "name":
      return [match.name];
  }
}

function notUsed(
  { host }: TlsQuestion,
  reason: string,
  by: DecidedBy,
  kind: "dnssec-invalid" | "dane-required" | "validation-failure",
): TlsDecision {
  return { at: "deferred", reply: deferral(`${host} is not used: ${reason}`), by, failure: { kind, reason } };
}
