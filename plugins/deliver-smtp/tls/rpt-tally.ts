/** Sessions of one day with one domain, counted (RFC 8460 4.2, 4.3). Bounded, whatever hosts say. Pure. */
import type { ReportedFailure, ReportedPolicy, ReportedSession } from "./rpt-session.ts";

export interface CountedFailure extends ReportedFailure {
  readonly sessions: number;
}

export interface CountedPolicy {
  readonly policy: ReportedPolicy;
  readonly successes: number;
  readonly failures: readonly CountedFailure[];
  /** Failed sessions of which no details are kept. */
  readonly furtherFailures: number;
}

export type Tally = readonly CountedPolicy[];

// A policy may change within a day, not all the time.
const POLICIES_LIMIT = 10;
const FAILURES_LIMIT = 50;

export const tallyOf = ({ policy, failure }: ReportedSession): Tally => [
  {
    policy,
    successes: failure === null ? 1 : 0,
    failures: failure === null ? [] : [{ ...failure, sessions: 1 }],
    furtherFailures: 0,
  },
];

export function addTally(sum: Tally, more: Tally): Tally {
  const policies = new Map(sum.map((counted) => [JSON.stringify(counted.policy), counted]));
  for (const counted of more) {
    const key = JSON.stringify(counted.policy);
    const known = policies.get(key);
    if (known) policies.set(key, addPolicy(known, counted));
    else if (policies.size < POLICIES_LIMIT) policies.set(key, counted);
  }
  return [...policies.values()];
}

function addPolicy(known: CountedPolicy, more: CountedPolicy): CountedPolicy {
  const keyOf = ({ type, host, address, localAddress }: ReportedFailure) =>
    JSON.stringify([type, host, address, localAddress]);
  const failures = new Map(known.failures.map((failure) => [keyOf(failure), failure]));
  let further = known.furtherFailures + more.furtherFailures;
  for (const failure of more.failures) {
    const key = keyOf(failure);
    const same = failures.get(key);
    if (same) failures.set(key, { ...same, sessions: same.sessions + failure.sessions });
    else if (failures.size < FAILURES_LIMIT) failures.set(key, failure);
    else further += failure.sessions;
  }
  return {
    policy: known.policy,
    successes: known.successes + more.successes,
    failures: [...failures.values()],
    furtherFailures: further,
  };
}
