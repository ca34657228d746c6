/** A report about TLS as it is sent (RFC 8460 4.4), and the record that says who wants one (RFC 8460 3). Pure. */
import type { CountedPolicy, Tally } from "./rpt-tally.ts";

export interface ReportParts {
  readonly domain: string;
  /** `2026-01-31`, in UTC. */
  readonly day: string;
  readonly tally: Tally;
  readonly organization: string;
  /** A mail address. */
  readonly contact: string;
  /** Unique among the reports of this server. */
  readonly id: string;
}

/** Where reports go, `mailto:` or `https:`; empty where nobody wants any. */
export function readReportRecord(texts: readonly string[]): readonly string[] {
  const records = texts.filter((text) => /^v=TLSRPTv1[ \t]*;/.test(text));
  const [record] = records;
  if (record === undefined || records.length > 1) return [];
  const targets = record.split(";").flatMap((field) => /^[ \t]*rua[ \t]*=(.*)$/.exec(field)?.[1]?.split(",") ?? []);
  return targets.map((target) => target.trim()).filter((target) => /^(?:mailto|https):[\x21-\x7e]+$/i.test(target));
}

/** The JSON document. */
export function tlsReport({ domain, day, tally, organization, contact, id }: ReportParts): object {
  return {
    "organization-name": organization,
    "date-range": { "start-datetime": `${day}T00:00:00Z`, "end-datetime": `${day}T23:59:59Z` },
    "contact-info": contact,
    "report-id": id,
    policies: tally.map((counted) => policyPart(counted, domain)),
  };
}

function policyPart({ policy, successes, failures, furtherFailures }: CountedPolicy, domain: string): object {
  const failed = failures.reduce((sum, { sessions }) => sum + sessions, furtherFailures);
  return {
    policy: {
      "policy-type": policy.type,
      ...(policy.lines.length > 0 && { "policy-string": policy.lines }),
      "policy-domain": domain,
      ...(policy.mxHosts.length > 0 && { "mx-host": policy.mxHosts }),
    },
    summary: { "total-successful-session-count": successes, "total-failure-session-count": failed },
    ...(failures.length > 0 && {
      "failure-details": failures.map(({ type, host, address, localAddress, reason, sessions }) => ({
        "result-type": type,
        // Counted by an earlier version, it may be missing.
        ...(localAddress && { "sending-mta-ip": localAddress }),
        ...(address !== null && { "receiving-ip": address }),
        "receiving-mx-hostname": host,
        "failed-session-count": sessions,
        "failure-reason-code": reason,
      })),
    }),
  };
}
