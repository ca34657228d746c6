/**
 * The `Resolver` service: a stub resolver of our own, with a bounded cache and time limits of its own. Node's (c-ares) tells neither TLSA records
 * nor whether an answer was validated, nor for how long one may be kept. Never rejects: what nobody could tell is `failed`, and a
 * caller defers. Look-ups of the same question share one query.
 */
import { isIP } from "node:net";
import type { Clock } from "../../contracts/clock.ts";
import type { AddressRecord, DnsAnswer, Resolver } from "../../contracts/resolver.ts";
import { pointerName } from "../../mail/reversed-address.ts";
import { AnswerCache } from "./answer-cache.ts";
import { lookUp } from "./look-up.ts";
import { type DnsRecord, type RecordType, type Reply, readData } from "./message.ts";
import { Servers } from "./servers.ts";

export interface ResolverOptions {
  /** `address` or `address:port`; default: the system's. */
  readonly servers?: readonly string[];
  /** Whether what they call authentic is believed: of all, of none; left out: of those on this machine. */
  readonly validating?: boolean | undefined;
  /** For one try; there are two with each server. Default: 5,000. */
  readonly timeoutMs?: number;
  readonly clock: Clock;
}

export function createResolver({ servers = [], validating, timeoutMs = 5_000, clock }: ResolverOptions): Resolver {
  const asked = new Servers({ servers, validating, timeoutMs, clock });
  const cache = new AnswerCache(clock);
  const ask = <T>(
    type: RecordType,
    name: string,
    read: (reply: Reply, record: DnsRecord) => T | null,
    signal?: AbortSignal,
  ): Promise<DnsAnswer<T>> =>
    abandonable(
      cache.through<T>(`${type} ${name}`, () => lookUp(asked, { name, type, read })),
      signal,
    );
  return {
    mx: (domain, signal) => ask("MX", domain, readData.MX, signal),
    ns: (domain, signal) => ask("NS", domain, readData.name, signal),
    txt: (domain, signal) => ask("TXT", domain, readData.TXT, signal),
    tlsa: (name, signal) => ask("TLSA", name, readData.TLSA, signal),
    alias: (name, signal) => ask("CNAME", name, readData.name, signal),
    reverse: (address, signal) => {
      const name = pointerName(address);
      return name === null ? Promise.resolve({ at: "notFound" }) : ask("PTR", name, readData.name, signal);
    },
    ipv4: (name, signal) => ask("A", name, readData.A, signal),
    async addresses(host, signal) {
      const literal = addressesWithoutDns(host);
      if (literal) return { at: "found", records: literal };
      const [ipv6, ipv4] = await Promise.all([
        ask("AAAA", host, readData.AAAA, signal),
        ask("A", host, readData.A, signal),
      ]);
      return bothFamilies(ipv6, ipv4);
    },
  };
}

// RFC 6761 6.3: localhost is never asked for
function addressesWithoutDns(host: string): readonly AddressRecord[] | null {
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family: family === 6 ? 6 : 4 }];
  return host === "localhost" || host.endsWith(".localhost")
    ? [
        { address: "127.0.0.1", family: 4 },
        { address: "::1", family: 6 },
      ]
    : null;
}

/** One family that answers is enough; "not found" needs both to say so. Authentic is what each of those that answered vouches for. */
function bothFamilies(ipv6: DnsAnswer<string>, ipv4: DnsAnswer<string>): DnsAnswer<AddressRecord> {
  const found = [ipv6, ipv4].filter((answer) => answer.at === "found");
  const canonicalName = found[0]?.canonicalName;
  if (found.length > 0) {
    return {
      at: "found",
      records: [...addressesIn(ipv6, 6), ...addressesIn(ipv4, 4)],
      ...(found.every(({ isAuthentic }) => isAuthentic) && { isAuthentic: true }),
      ...(canonicalName !== undefined && { canonicalName }),
    };
  }
  if (ipv6.at === "failed") return ipv6;
  if (ipv4.at === "failed" || ipv6.at === "found" || ipv4.at === "found") return ipv4 as DnsAnswer<never>;
  return ipv6.isAuthentic && ipv4.isAuthentic ? { at: "notFound", isAuthentic: true } : { at: "notFound" };
}

const addressesIn = (answer: DnsAnswer<string>, family: 4 | 6): readonly AddressRecord[] =>
  answer.at === "found" ? answer.records.map((address) => ({ address, family })) : [];

/** The answer, or `failed` as soon as the asker has lost interest; the query goes on for the cache. */
function abandonable<T>(answer: Promise<DnsAnswer<T>>, signal: AbortSignal | undefined): Promise<DnsAnswer<T>> {
  if (!signal) return answer;
  const abandoned: DnsAnswer<T> = { at: "failed", reason: "ABORTED" };
  if (signal.aborted) return Promise.resolve(abandoned);
  return new Promise((resolve) => {
    const abandon = () => resolve(abandoned);
    signal.addEventListener("abort", abandon, { once: true });
    void answer.then((found) => {
      signal.removeEventListener("abort", abandon);
      resolve(found);
    });
  });
}
