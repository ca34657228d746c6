/**
 * Which hosts take mail for a next hop, in the order to try them (RFC 5321 5.1): MX by preference, equal ones shuffled,
 * the domain itself where it has none, nobody where it says so (RFC 7505), only better ones where we are among them.
 */
import type { RemoteReply, Resolver } from "postern/plugin";
import type { NextHop } from "./next-hop.ts";

/** One address to connect to. */
export interface MailHost {
  readonly name: string;
  readonly address: string;
}

export type MailHosts =
  | { readonly at: "found"; readonly hosts: readonly MailHost[] }
  | { readonly at: "failed" | "deferred"; readonly reply: RemoteReply };

export interface MailHostsQuery {
  readonly nextHop: NextHop;
  readonly resolver: Resolver;
  /** Our own name: meeting it among the MXs means that mail would loop. */
  readonly hostname: string;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly signal: AbortSignal;
}

// RFC 5321 5.1 asks for two at the least; more than this many only serves whoever wants to keep us busy.
const ADDRESS_LIMIT = 10;

const permanent = (status: string, text: string): MailHosts => ({
  at: "failed",
  reply: { code: 550, status, text, host: null },
});
const temporary = (status: string, text: string): MailHosts => ({
  at: "deferred",
  reply: { code: 451, status, text, host: null },
});

export async function findMailHosts(query: MailHostsQuery): Promise<MailHosts> {
  const { nextHop, resolver, signal } = query;
  if (!nextHop.usesMx) return addressesOf([nextHop.host], query);
  const mx = await resolver.mx(nextHop.host, signal);
  if (mx.at === "failed")
    return temporary("4.4.3", `The mail servers of ${nextHop.host} cannot be looked up at present (${mx.reason})`);
  if (mx.at === "notFound") return addressesOf([nextHop.host], query); // RFC 5321 5.1: the implicit MX
  // RFC 7505 3
  if (mx.records.every(({ exchange }) => exchange === "" || exchange === "."))
    return permanent("5.1.10", `${nextHop.host} takes no mail`);
  const names = inOrder(mx.records, query);
  if (names.length === 0)
    return permanent("5.4.6", `Mail for ${nextHop.host} would come back to this server, which does not serve it`);
  return addressesOf(names, query);
}

function inOrder(
  records: readonly { preference: number; exchange: string }[],
  { hostname, random }: MailHostsQuery,
): string[] {
  const isUs = ({ exchange }: { exchange: string }) =>
    exchange.replace(/\.$/, "").toLowerCase() === hostname.toLowerCase();
  const ours = Math.min(...records.filter(isUs).map(({ preference }) => preference));
  return records
    .filter(({ exchange, preference }) => preference < ours && exchange !== "" && exchange !== ".")
    .map((record) => ({ ...record, draw: random() }))
    .sort((one, other) => one.preference - other.preference || one.draw - other.draw)
    .map(({ exchange }) => exchange);
}

async function addressesOf(
  names: readonly string[],
  { nextHop, resolver, signal }: MailHostsQuery,
): Promise<MailHosts> {
  const hosts: MailHost[] = [];
  let failure: string | null = null;
  for (const name of names) {
    if (hosts.length >= ADDRESS_LIMIT) break;
    const answer = await resolver.addresses(name, signal);
    if (answer.at === "failed") failure = answer.reason;
    if (answer.at === "found")
      hosts.push(...answer.records.map(({ address }) => ({ name: name.replace(/\.$/, ""), address })));
  }
  if (hosts.length > 0) return { at: "found", hosts: hosts.slice(0, ADDRESS_LIMIT) };
  if (failure !== null)
    return temporary("4.4.3", `No mail server of ${nextHop.host} can be looked up at present (${failure})`);
  return permanent("5.1.2", `There is no mail server for ${nextHop.host}`);
}
