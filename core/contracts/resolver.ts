/** DNS with a cache and its own time limits. */
import type { TlsaRecord } from "./outbound.ts";
import { defineService } from "./service.ts";

/**
 * `notFound`: the name or the type does not exist. `failed`: nobody could tell (SERVFAIL, time-out): try later.
 * `isAuthentic`: DNSSEC vouches for it, aliases on the way included, as a validating resolver says that this server trusts (`dns.validating`).
 */
export type DnsAnswer<T> =
  | {
      readonly at: "found";
      readonly records: readonly T[];
      readonly isAuthentic?: boolean;
      /** Where aliases (CNAME) led, in lower case; left out where there were none. */
      readonly canonicalName?: string;
    }
  | { readonly at: "notFound"; readonly isAuthentic?: boolean }
  | { readonly at: "failed"; readonly reason: string };

export interface AddressRecord {
  readonly address: string;
  readonly family: 4 | 6;
}

export interface Resolver {
  mx(
    domain: string,
    signal?: AbortSignal,
  ): Promise<DnsAnswer<{ readonly preference: number; readonly exchange: string }>>;
  /** IPv4 and IPv6 addresses. */
  addresses(host: string, signal?: AbortSignal): Promise<DnsAnswer<AddressRecord>>;
  /** A records alone, for names that are codes and not hosts: lists of addresses (RFC 5782). */
  ipv4(name: string, signal?: AbortSignal): Promise<DnsAnswer<string>>;
  reverse(address: string, signal?: AbortSignal): Promise<DnsAnswer<string>>;
  /** Names of the servers that answer for a zone; a name that is no zone has none. */
  ns(domain: string, signal?: AbortSignal): Promise<DnsAnswer<string>>;
  txt(domain: string, signal?: AbortSignal): Promise<DnsAnswer<string>>;
  /** RFC 6698; `name` is whole: `_25._tcp.mail.example.org`. */
  tlsa(name: string, signal?: AbortSignal): Promise<DnsAnswer<TlsaRecord>>;
  /** What this name itself is an alias of (CNAME), not followed. */
  alias(name: string, signal?: AbortSignal): Promise<DnsAnswer<string>>;
}
export const Resolver = defineService<Resolver>("postern/resolver@1");
