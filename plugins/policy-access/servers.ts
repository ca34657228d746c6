/**
 * The servers that DNS names for a domain, each as a name, then its addresses. A name server is looked for at the zone above where
 * the domain is no zone of its own. Bounded: whoever fills a zone does not decide how much is asked.
 */
import type { Resolver } from "postern/plugin";

export type Server =
  | { readonly at: "host"; readonly name: string }
  | { readonly at: "address"; readonly address: string }
  | { readonly at: "failed" };

const SERVERS_LIMIT = 20;
const ADDRESSES_LIMIT = 20;

export async function* serversNamed(
  domain: string,
  kind: "mx" | "ns" | "a",
  resolver: Resolver,
  signal: AbortSignal,
): AsyncGenerator<Server> {
  const literal = /^\[(?:IPv6:)?([0-9A-Fa-f:.]+)\]$/.exec(domain)?.[1];
  if (literal !== undefined) {
    if (kind !== "ns") yield { at: "address", address: literal };
    return;
  }
  const names = kind === "a" ? [domain] : await (kind === "mx" ? exchanges : nameServers)(domain, resolver, signal);
  if (names === "failed") {
    yield { at: "failed" };
    return;
  }
  for (const name of names.slice(0, SERVERS_LIMIT)) {
    yield { at: "host", name };
    const addresses = await resolver.addresses(name, signal);
    if (addresses.at === "failed") yield { at: "failed" };
    if (addresses.at !== "found") continue;
    for (const { address } of addresses.records.slice(0, ADDRESSES_LIMIT)) yield { at: "address", address };
  }
}

type Names = readonly string[] | "failed";

async function exchanges(domain: string, resolver: Resolver, signal: AbortSignal): Promise<Names> {
  const answer = await resolver.mx(domain, signal);
  if (answer.at === "failed") return "failed";
  // RFC 5321 5.1: without MX the domain is its own
  if (answer.at === "notFound") return [domain];
  // RFC 7505: a null MX names nobody
  return answer.records.map(({ exchange }) => host(exchange)).filter((name) => name !== "");
}

async function nameServers(domain: string, resolver: Resolver, signal: AbortSignal): Promise<Names> {
  for (let zone = domain; zone.includes("."); zone = zone.slice(zone.indexOf(".") + 1)) {
    const answer = await resolver.ns(zone, signal);
    if (answer.at === "failed") return "failed";
    if (answer.at === "found") return answer.records.map(host);
  }
  return [];
}

const host = (name: string): string => name.replace(/\.$/, "").toLowerCase();
