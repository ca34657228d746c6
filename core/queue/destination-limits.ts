/** What one destination may be given: from the administrator's list by next hop or transport, else the same for all. */
import type { Routed } from "../contracts/verdicts.ts";
import { parseNextHop } from "../mail/next-hop.ts";
import type { StandingLimits } from "./standing.ts";
import type { Rate } from "./token-bucket.ts";

export interface DestinationRates {
  readonly messages?: Rate;
  readonly recipients?: Rate;
}

/** Figures for all workers together. */
export interface DestinationRule extends DestinationRates {
  /** `example.org`, `.example.org` for it and all below, `transport:` for all that a transport delivers. In lower case. */
  readonly match: readonly string[];
  readonly maxConcurrency?: number;
}

export interface DestinationLimits extends StandingLimits, DestinationRates {}

export interface DestinationOptions extends DestinationRates {
  /** To one destination, where it has a next hop: in the beginning, and at the most. */
  readonly startPerDestination: number;
  readonly maxPerDestination: number;
  /** To one concurrency key without a next hop: local mailboxes. */
  readonly maxPerLocal: number;
  /** The first that names a destination in the closest way. */
  readonly destinations: readonly DestinationRule[];
  /** Workers that share these limits evenly. */
  readonly workers: number;
}

export function createDestinationLimits(options: DestinationOptions): (route: Routed) => DestinationLimits {
  const rules = new Map<string, DestinationRule>();
  for (const rule of options.destinations.toReversed()) for (const name of rule.match) rules.set(name, rule);
  return (route) => {
    const rule = find(rules, route);
    if (route.nextHop === null) {
      // What is local is known to be there, and is not to be held up by anybody's caution.
      const max = rule?.maxConcurrency === undefined ? options.maxPerLocal : shared(rule.maxConcurrency, options);
      return { startConcurrency: max, maxConcurrency: max, ...ratesOf(rule ?? {}, options) };
    }
    const maxConcurrency = shared(rule?.maxConcurrency ?? options.maxPerDestination, options);
    const startConcurrency = Math.min(shared(options.startPerDestination, options), maxConcurrency);
    return { startConcurrency, maxConcurrency, ...ratesOf({ ...rated(options), ...rated(rule ?? {}) }, options) };
  };
}

function find(
  rules: ReadonlyMap<string, DestinationRule>,
  { transport, nextHop }: Routed,
): DestinationRule | undefined {
  if (rules.size === 0) return undefined;
  if (nextHop !== null) {
    const host = hostOf(nextHop);
    const exact = rules.get(host);
    if (exact) return exact;
    for (let at = 0; at >= 0; at = host.indexOf(".", at + 1)) {
      const rule = rules.get(at === 0 ? `.${host}` : host.slice(at));
      if (rule) return rule;
    }
  }
  return rules.get(`${transport.toLowerCase()}:`);
}

const hostOf = (nextHop: string): string => (parseNextHop(nextHop)?.host ?? nextHop).toLowerCase();

const shared = (count: number, { workers }: DestinationOptions): number => Math.max(1, Math.floor(count / workers));

const rated = ({ messages, recipients }: DestinationRates): DestinationRates => ({
  ...(messages && { messages }),
  ...(recipients && { recipients }),
});

function ratesOf({ messages, recipients }: DestinationRates, { workers }: DestinationOptions): DestinationRates {
  const part = ({ count, periodMs }: Rate): Rate => ({ count: count / workers, periodMs });
  return { ...(messages && { messages: part(messages) }), ...(recipients && { recipients: part(recipients) }) };
}
