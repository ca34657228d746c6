/** DNS with a cache and its own time limits. */
import { defineService } from "./service.ts";

/** `notFound`: the name or the type does not exist. `failed`: nobody could tell (SERVFAIL, time-out): try later. */
export type DnsAnswer<T> =
  | { readonly at: "found"; readonly records: readonly T[] }
  | { readonly at: "notFound" }
  | { readonly at: "failed"; readonly reason: string };

export interface Resolver {
  mx(
    domain: string,
    signal?: AbortSignal,
  ): Promise<DnsAnswer<{ readonly preference: number; readonly exchange: string }>>;
  /** IPv4 and IPv6 addresses. */
  addresses(
    host: string,
    signal?: AbortSignal,
  ): Promise<DnsAnswer<{ readonly address: string; readonly family: 4 | 6 }>>;
  /** A records alone, for names that are codes and not hosts: lists of addresses (RFC 5782). */
  ipv4(name: string, signal?: AbortSignal): Promise<DnsAnswer<string>>;
  reverse(address: string, signal?: AbortSignal): Promise<DnsAnswer<string>>;
  /** Names of the servers that answer for a zone; a name that is no zone has none. */
  ns(domain: string, signal?: AbortSignal): Promise<DnsAnswer<string>>;
  txt(domain: string, signal?: AbortSignal): Promise<DnsAnswer<string>>;
}
export const Resolver = defineService<Resolver>("postern/resolver@1");
