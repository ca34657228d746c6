/**
 * The `Resolver` service: DNS by c-ares with a bounded cache and time limits of its own. Never rejects: what nobody could
 * tell is `failed`, and a caller defers. Look-ups of the same question share one query.
 */
import { Resolver as CaresResolver } from "node:dns/promises";
import { isIP } from "node:net";
import type { Clock } from "../../contracts/clock.ts";
import type { DnsAnswer, Resolver } from "../../contracts/resolver.ts";
import { pointerName } from "../../mail/reversed-address.ts";
import { AnswerCache } from "./answer-cache.ts";

export interface ResolverOptions {
  /** `address` or `address:port`; default: the system's. */
  readonly servers?: readonly string[];
  /** For one try; there are two. Default: 5,000. */
  readonly timeoutMs?: number;
  readonly clock: Clock;
}

const NOT_FOUND = new Set(["ENOTFOUND", "ENODATA"]);
const TRIES = 2;

export function createResolver({ servers, timeoutMs = 5_000, clock }: ResolverOptions): Resolver {
  const cares = new CaresResolver({ timeout: timeoutMs, tries: TRIES });
  if (servers && servers.length > 0) cares.setServers([...servers]);
  const cache = new AnswerCache(clock);
  const askAddresses = (type: "A" | "AAAA", name: string, signal?: AbortSignal) =>
    abandonable(
      cache.through<string>(`${type} ${name}`, async () => {
        const answer = await answerOf(() =>
          type === "A" ? cares.resolve4(name, { ttl: true }) : cares.resolve6(name, { ttl: true }),
        );
        if (answer.at !== "found") return answer;
        const ttlMs = Math.min(...answer.records.map(({ ttl }) => ttl)) * 1_000;
        return { at: "found", records: answer.records.map(({ address }) => address), ttlMs };
      }),
      signal,
    );
  const ask = <T>(type: string, name: string, query: () => Promise<readonly T[]>, signal?: AbortSignal) =>
    abandonable(
      cache.through<T>(`${type} ${name}`, () => answerOf(query)),
      signal,
    );
  return {
    mx: (domain, signal) =>
      ask(
        "MX",
        domain,
        async () =>
          (await cares.resolveMx(domain)).map(({ priority, exchange }) => ({ preference: priority, exchange })),
        signal,
      ),
    ns: (domain, signal) => ask("NS", domain, () => cares.resolveNs(domain), signal),
    txt: (domain, signal) =>
      ask("TXT", domain, async () => (await cares.resolveTxt(domain)).map((strings) => strings.join("")), signal),
    // Not cares.reverse(): that takes a server that cannot tell for an address without a name.
    reverse: (address, signal) => {
      const name = pointerName(address);
      if (name === null) return Promise.resolve({ at: "notFound" });
      return ask("PTR", name, () => cares.resolvePtr(name), signal);
    },
    ipv4: (name, signal) => askAddresses("A", name, signal),
    async addresses(host, signal) {
      const literal = addressesWithoutDns(host);
      if (literal) return { at: "found", records: literal };
      const [ipv6, ipv4] = await Promise.all([askAddresses("AAAA", host, signal), askAddresses("A", host, signal)]);
      return bothFamilies(ipv6, ipv4);
    },
  };
}

// RFC 6761 6.3: localhost is never asked for
function addressesWithoutDns(host: string): { address: string; family: 4 | 6 }[] | null {
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family: family === 6 ? 6 : 4 }];
  return host === "localhost" || host.endsWith(".localhost")
    ? [
        { address: "127.0.0.1", family: 4 },
        { address: "::1", family: 6 },
      ]
    : null;
}

/** One family that answers is enough; "not found" needs both to say so. */
function bothFamilies(ipv6: DnsAnswer<string>, ipv4: DnsAnswer<string>): DnsAnswer<{ address: string; family: 4 | 6 }> {
  const records = [
    ...(ipv6.at === "found" ? ipv6.records.map((address) => ({ address, family: 6 as const })) : []),
    ...(ipv4.at === "found" ? ipv4.records.map((address) => ({ address, family: 4 as const })) : []),
  ];
  if (records.length > 0) return { at: "found", records };
  if (ipv6.at === "failed") return ipv6;
  return ipv4.at === "failed" ? ipv4 : { at: "notFound" };
}

async function answerOf<T>(query: () => Promise<readonly T[]>): Promise<DnsAnswer<T>> {
  try {
    const records = await query();
    return records.length > 0 ? { at: "found", records } : { at: "notFound" };
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    return NOT_FOUND.has(code) ? { at: "notFound" } : { at: "failed", reason: code };
  }
}

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
