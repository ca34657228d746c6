/**
 * TLS for delivery, in one piece: what a connection to a host has to be like, and what became of it, for the log and for reports. The
 * delivery asks `tlsFor` before it connects and tells `report` afterwards.
 */
import { parseNextHop } from "postern/mail";
import type { Finding, Log, OutboundFacts, RemoteReply, Resolver, Table, TlsRequirement } from "postern/plugin";
import { deferral, type TlsDecision, type TlsQuestion } from "./decision.ts";
import { policyFindings } from "./policy-map.ts";
import type { StsPolicies } from "./sts-policies.ts";
import { isStsHost } from "./sts-policy.ts";
import type { TlsPolicies } from "./tls-policies.ts";
import type { TlsReports } from "./tls-reports.ts";

export interface HostTlsParts {
  readonly policies: TlsPolicies;
  readonly sts: StsPolicies | null;
  readonly reports: TlsReports | null;
  readonly tables: readonly Table[];
  /** What opened them. */
  readonly specs: readonly string[];
  readonly resolver: Pick<Resolver, "mx">;
  readonly log: Log;
}

/** `defer`: the host is not even asked now. */
export type TlsChoice =
  | { readonly at: "use"; readonly requirement: TlsRequirement }
  | { readonly at: "defer"; readonly reply: RemoteReply };

export interface HostTls {
  /** Rejects when a table or the KeyValue cannot answer: the mail waits. */
  tlsFor(
    host: { readonly name: string; readonly port: number },
    nextHop: string,
    signal: AbortSignal,
  ): Promise<TlsChoice>;
  /**
   * RFC 8689 4.2.1: a host whose name comes from MX records has to be vouched for by DNSSEC or by MTA-STS. `unknown`: nobody can tell now.
   * Rejects when the KeyValue cannot answer.
   */
  isHostSafe(host: string, nextHop: string, signal: AbortSignal): Promise<"yes" | "no" | "unknown">;
  report(nextHop: string, host: string, facts: OutboundFacts): void;
  check(): Promise<readonly Finding[]>;
  stop(): Promise<void>;
}

const DECISIONS_LIMIT = 1_000;

const plain = (name: string): string => name.replace(/\.$/, "").toLowerCase();

export function createHostTls({ policies, sts, reports, tables, specs, resolver, log }: HostTlsParts): HostTls {
  // For the report that follows; lost ones only cost a session in a statistic.
  const decisions = new Map<string, { readonly question: TlsQuestion; readonly decision: TlsDecision }>();
  const keep = (key: string, value: { question: TlsQuestion; decision: TlsDecision }) => {
    decisions.delete(key);
    const [oldest] = decisions.keys();
    if (decisions.size >= DECISIONS_LIMIT && oldest !== undefined) decisions.delete(oldest);
    decisions.set(key, value);
  };
  return {
    async tlsFor({ name, port }, raw, signal) {
      const nextHop = parseNextHop(raw);
      if (!nextHop) return { at: "defer", reply: deferral(`No next hop: ${raw}`, "4.3.5") };
      const question: TlsQuestion = { nextHop, host: name, port };
      const decision = await policies.decide(question, signal);
      if (decision.at === "deferred") {
        reports?.note(question, decision, null);
        log.warn(
          { nextHop: raw, host: name, ...decision.failure },
          "a host is not used: TLS would not be as it has to be",
        );
        return { at: "defer", reply: decision.reply };
      }
      keep(`${raw} ${name}`, { question, decision });
      return { at: "use", requirement: decision.requirement };
    },
    async isHostSafe(host, raw, signal) {
      const nextHop = parseNextHop(raw);
      if (!nextHop?.usesMx) return "yes"; // somebody named it
      const mx = await resolver.mx(nextHop.host, signal);
      if (mx.at === "failed") return "unknown";
      // Its certificate has to carry the very domain.
      if (mx.at === "notFound") return plain(host) === plain(nextHop.host) ? "yes" : "unknown";
      if (mx.isAuthentic) return mx.records.some(({ exchange }) => plain(exchange) === plain(host)) ? "yes" : "unknown";
      const { policy, failure } = (await sts?.find(nextHop.host, signal)) ?? { policy: null, failure: null };
      if (policy === null) return failure === null && !signal.aborted ? "no" : "unknown";
      return policy.mode !== "none" && isStsHost(policy, host) ? "yes" : "no";
    },
    report(nextHop, host, facts) {
      const known = decisions.get(`${nextHop} ${host}`);
      if (!known || known.decision.at === "deferred") return;
      const { by, requirement } = known.decision;
      reports?.note(known.question, known.decision, facts);
      if (facts.tlsFault !== null && requirement.level !== "opportunistic") {
        const { kind, reason } = facts.tlsFault;
        log.warn(
          { nextHop, host, address: facts.address, policy: by.source, kind, reason },
          "TLS is not as it has to be",
        );
      } else if (by.sts?.mode === "testing" && (facts.tlsFault ?? facts.tls?.flaw)) {
        const { kind, reason } = facts.tlsFault ?? facts.tls?.flaw ?? { kind: "", reason: "" };
        log.info({ nextHop, host, kind, reason }, "MTA-STS in testing mode would have refused this host");
      }
      log.debug({ nextHop, host, policy: by.source, level: requirement.level, tls: facts.tls }, "TLS of a host");
    },
    check: () => policyFindings(tables, specs),
    async stop() {
      await reports?.flush();
      await sts?.stop();
    },
  };
}
