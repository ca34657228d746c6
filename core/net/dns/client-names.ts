/**
 * Names of clients: PTR, and the addresses of what it says. Bounded in time, as a client waits for its banner meanwhile; what is
 * known is kept for a few minutes, a failure for a short while, so that a broken DNS is not waited for by each client. Never rejects.
 */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import type { ClientName, ClientNames } from "../../contracts/client-names.ts";
import type { Clock } from "../../contracts/clock.ts";
import type { Resolver } from "../../contracts/resolver.ts";
import { parseDomain } from "../../mail/address.ts";

export interface ClientNamesOptions {
  readonly resolver: Resolver;
  readonly clock: Clock;
  /** For one client. */
  readonly timeoutMs: number;
}

const ENTRY_LIMIT = 10_000;
const KEPT_MS = 300_000;
const FAILURE_KEPT_MS = 30_000;
// RFC 8501 4 and common sense: an address has one name, some have a few; nobody waits for hundreds.
const NAMES_LIMIT = 5;

const unknown: ClientName = { at: "unknown" };
// RFC 6761 6.3
const loopback: ClientName = { at: "verified", name: "localhost" };

export function createClientNames({ resolver, clock, timeoutMs }: ClientNamesOptions): ClientNames {
  const kept = new Map<string, { readonly name: ClientName; readonly untilMs: number }>();
  const asking = new Map<string, Promise<ClientName>>();
  const keep = (address: string, name: ClientName): ClientName => {
    const oldest = kept.keys().next();
    if (kept.size >= ENTRY_LIMIT && !oldest.done) kept.delete(oldest.value);
    kept.set(address, { name, untilMs: clock.now() + (name.at === "failed" ? FAILURE_KEPT_MS : KEPT_MS) });
    return name;
  };
  return {
    find(address) {
      if (isIP(address) === 0) return unknown;
      if (address === "::1" || address === "127.0.0.1") return loopback;
      const known = kept.get(address);
      if (known && known.untilMs > clock.now()) return known.name;
      kept.delete(address);
      const asked = asking.get(address) ?? withinTime(resolver, address, timeoutMs).then((name) => keep(address, name));
      asking.set(address, asked);
      return asked.finally(() => asking.delete(address));
    },
  };
}

async function withinTime(resolver: Resolver, address: string, timeoutMs: number): Promise<ClientName> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  try {
    return await lookUp(resolver, address, late.signal);
  } finally {
    clearTimeout(timer);
  }
}

async function lookUp(resolver: Resolver, address: string, signal: AbortSignal): Promise<ClientName> {
  const reverse = await resolver.reverse(address, signal);
  if (reverse.at === "failed") return { at: "failed", name: null };
  // Whatever else a PTR record says (spaces, line ends, an address) is no host name and has no business in logs and headers.
  const names = reverse.at === "found" ? reverse.records.map(hostName).filter((name) => name !== null) : [];
  const [first] = names;
  if (first === undefined) return unknown;
  let isFailed = false;
  for (const name of names.slice(0, NAMES_LIMIT)) {
    const forward = await resolver.addresses(name, signal);
    if (forward.at === "found" && forward.records.some((record) => isSame(record.address, address)))
      return { at: "verified", name };
    isFailed ||= forward.at === "failed";
  }
  return isFailed ? { at: "failed", name: first } : { at: "unverified", name: first };
}

function hostName(raw: string): string | null {
  const name = parseDomain(raw.replace(/\.$/, ""));
  return name === null || name.startsWith("[") || /^[\d.]+$/.test(name) ? null : name;
}

const isSame = (one: string, other: string): boolean =>
  one === other ||
  (isIP(one) !== 0 && ipaddr.process(one).toNormalizedString() === ipaddr.process(other).toNormalizedString());
