/**
 * TLSA records of a host (RFC 7672 2): only where DNSSEC vouches for each step that leads to them. Nobody who can hold back an answer gets mail sent
 * less safely by it: what cannot be looked up now is a failure, not an absence.
 */
import { usableTlsa } from "postern/mail";
import type { Resolver, TlsaRecord } from "postern/plugin";
import type { TlsQuestion } from "./decision.ts";

export interface DaneRecords {
  /** Usable ones; empty where there are some, and none is: TLS is a must then, and verified by nothing (RFC 7672 2.2). */
  readonly usable: readonly TlsaRecord[];
  /** All, as they were found. */
  readonly all: readonly TlsaRecord[];
  /** Where they were found: the TLSA base domain. */
  readonly base: string;
  /** Which the certificate may carry: the base, which goes into SNI, first (RFC 7672 3.2.2). */
  readonly names: readonly string[];
}

export type DaneAnswer =
  | { readonly at: "found"; readonly dane: DaneRecords }
  /** There is no DANE here. */
  | { readonly at: "none"; readonly reason: string }
  | { readonly at: "failed"; readonly reason: string };

type Asked = Pick<TlsQuestion, "nextHop" | "host" | "port">;
type DaneResolver = Pick<Resolver, "mx" | "addresses" | "alias" | "tlsa">;

const none = (reason: string): DaneAnswer => ({ at: "none", reason });
const failed = (what: string, reason: string): DaneAnswer => ({ at: "failed", reason: `${what}: ${reason}` });

export async function findDane(asked: Asked, resolver: DaneResolver, signal: AbortSignal): Promise<DaneAnswer> {
  const { nextHop, port } = asked;
  const host = plain(asked.host);
  const names = [host];
  if (nextHop.usesMx) {
    // RFC 7672 2.2.1
    const mx = await resolver.mx(nextHop.host, signal);
    if (mx.at === "failed") return failed(`the mail servers of ${nextHop.host} cannot be looked up`, mx.reason);
    if (!mx.isAuthentic) return none(`DNSSEC does not vouch for the mail servers of ${nextHop.host}`);
    const isListed =
      mx.at === "found" ? mx.records.some(({ exchange }) => plain(exchange) === host) : plain(nextHop.host) === host;
    if (!isListed) return failed(`${host} is no mail server of ${nextHop.host} any more`, "MX changed");
    names.push(plain(nextHop.host));
    if (mx.at === "found" && mx.canonicalName !== undefined) names.push(mx.canonicalName);
  }
  const bases = await baseDomains(host, resolver, signal);
  if (!Array.isArray(bases)) return bases as DaneAnswer;
  for (const base of bases as readonly string[]) {
    const name = `_${port}._tcp.${base}`;
    const tlsa = await resolver.tlsa(name, signal);
    if (tlsa.at === "failed") return failed(`${name} TLSA cannot be looked up`, tlsa.reason);
    if (tlsa.at === "notFound" || !tlsa.isAuthentic) continue;
    return {
      at: "found",
      dane: { usable: usableTlsa(tlsa.records), all: tlsa.records, base, names: [...new Set([base, ...names])] },
    };
  }
  return none(`${host} has no TLSA records`);
}

/** RFC 7672 2.2.2, 2.2.3: where its aliases lead if all of that is safe, and the name itself. */
async function baseDomains(
  host: string,
  resolver: DaneResolver,
  signal: AbortSignal,
): Promise<readonly string[] | DaneAnswer> {
  const addresses = await resolver.addresses(host, signal);
  if (addresses.at === "failed") return failed(`the addresses of ${host} cannot be looked up`, addresses.reason);
  if (addresses.at === "notFound") return none(`${host} has no address`);
  const { canonicalName } = addresses;
  if (addresses.isAuthentic) return canonicalName === undefined ? [host] : [canonicalName, host];
  if (canonicalName === undefined) return none(`DNSSEC does not vouch for the addresses of ${host}`);
  // The alias may stand in a signed zone and lead out of it: then it is the name itself that counts.
  const alias = await resolver.alias(host, signal);
  if (alias.at === "failed") return failed(`${host} CNAME cannot be looked up`, alias.reason);
  return alias.at === "found" && alias.isAuthentic ? [host] : none(`DNSSEC does not vouch for the alias ${host}`);
}

const plain = (name: string): string => name.replace(/\.$/, "").toLowerCase();
