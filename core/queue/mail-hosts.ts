/**
 * Which hosts take mail for a next hop, in the order to try them (RFC 5321 5.1): MX by preference, equal ones shuffled,
 * the domain itself where it has none, nobody where it says so (RFC 7505), only better ones where we are among them.
 */
import type { MailDomain, MailHost, MailHosts } from "../contracts/next-hops.ts";
import type { AddressRecord, Resolver } from "../contracts/resolver.ts";
import type { NextHop } from "../mail/next-hop.ts";

export interface MailHostsQuery {
  readonly nextHop: NextHop;
  readonly resolver: Pick<Resolver, "mx" | "addresses">;
  /** Our own name: meeting it among the MXs means that mail would loop. */
  readonly hostname: string;
  /** The same under another name: an address of this machine. */
  readonly isOwnAddress: (address: string) => boolean;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly signal: AbortSignal;
}

// RFC 5321 5.1 asks for two at the least; more than this many only serves whoever wants to keep us busy.
const ADDRESS_LIMIT = 10;
/** Of one host among several: a host with many addresses leaves room for the next one. */
const ADDRESSES_PER_HOST = 5;
/** Names that are looked up for it. */
const NAMES_LIMIT = 20;
const SMTP_PORT = 25;

const permanent = (status: string, text: string, code = 550): MailHosts => ({
  at: "failed",
  reply: { code, status, text, host: null },
});
const temporary = (status: string, text: string): MailHosts => ({
  at: "deferred",
  reply: { code: 451, status, text, host: null },
});

export async function findMailHosts(query: MailHostsQuery): Promise<MailHosts> {
  const { nextHop, resolver, signal } = query;
  if (!nextHop.usesMx) return addressesOf([{ name: nextHop.host, preference: 0 }], query);
  const mx = await resolver.mx(nextHop.host, signal);
  if (mx.at === "failed")
    return temporary("4.4.3", `The mail servers of ${nextHop.host} cannot be looked up at present (${mx.reason})`);
  // RFC 5321 5.1: the implicit MX
  if (mx.at === "notFound") return addressesOf([{ name: nextHop.host, preference: 0 }], query);
  // RFC 7505 3, 4.1
  if (mx.records.every(({ exchange }) => exchange === "" || exchange === "."))
    return permanent("5.1.10", `${nextHop.host} takes no mail`, 556);
  const names = inOrder(mx.records, query);
  return names.length === 0 ? loop(nextHop) : addressesOf(names, query);
}

/** The same question without the hosts: a domain that is spelled wrong shows before anybody connects. */
export async function findMailDomain(
  domain: string,
  resolver: MailHostsQuery["resolver"],
  signal: AbortSignal,
): Promise<MailDomain> {
  if (domain.startsWith("[")) return "exists";
  const mx = await resolver.mx(domain, signal);
  if (mx.at === "failed") return "unavailable";
  if (mx.at === "found")
    return mx.records.every(({ exchange }) => exchange === "" || exchange === ".") ? "refusesMail" : "exists";
  const own = await resolver.addresses(domain, signal);
  if (own.at === "failed") return "unavailable";
  return own.at === "found" ? "exists" : "unknown";
}

// RFC 5321 5.1: from an MX, mail goes only to those of lower preference numbers.
const loop = ({ host }: NextHop): MailHosts =>
  permanent("5.4.6", `Mail for ${host} would come back to this server, which does not serve it`);

interface Exchange {
  readonly name: string;
  readonly preference: number;
}

function inOrder(
  records: readonly { preference: number; exchange: string }[],
  { hostname, random }: MailHostsQuery,
): Exchange[] {
  const isUs = ({ exchange }: { exchange: string }) =>
    exchange.replace(/\.$/, "").toLowerCase() === hostname.toLowerCase();
  const ours = Math.min(...records.filter(isUs).map(({ preference }) => preference));
  return records
    .filter(({ exchange, preference }) => preference < ours && exchange !== "" && exchange !== ".")
    .map((record) => ({ ...record, draw: random() }))
    .sort((one, other) => one.preference - other.preference || one.draw - other.draw)
    .map(({ exchange, preference }) => ({ name: exchange, preference }));
}

/** IPv6 and IPv4 by turns (RFC 8305 4): where only a few are tried, neither family crowds out the one that works from here. */
function inTurns(records: readonly AddressRecord[]): readonly AddressRecord[] {
  const of = (family: 4 | 6) => records.filter((record) => record.family === family);
  const [first, second] = records[0]?.family === 4 ? [of(4), of(6)] : [of(6), of(4)];
  return first.flatMap((record, at) => [record, ...second.slice(at, at + 1)]).concat(second.slice(first.length));
}

async function addressesOf(
  names: readonly Exchange[],
  { nextHop, resolver, isOwnAddress, signal }: MailHostsQuery,
): Promise<MailHosts> {
  // Another port of this machine is another server: only by MX, and on the port of mail between servers, does mail loop.
  const mayLoop = nextHop.usesMx && (nextHop.port ?? SMTP_PORT) === SMTP_PORT;
  const found: (MailHost & { preference: number })[] = [];
  let failure: string | null = null;
  let ours = Number.POSITIVE_INFINITY;
  for (const { name, preference } of names.slice(0, NAMES_LIMIT)) {
    if (found.length >= ADDRESS_LIMIT || preference > ours) break;
    const answer = await resolver.addresses(name, signal);
    if (answer.at === "failed") failure = answer.reason;
    if (answer.at !== "found") continue;
    if (mayLoop && answer.records.some(({ address }) => isOwnAddress(address))) ours = preference;
    else {
      const limit = names.length === 1 ? ADDRESS_LIMIT : ADDRESSES_PER_HOST;
      found.push(
        ...inTurns(answer.records)
          .slice(0, limit)
          .map(({ address }) => ({ name: name.replace(/\.$/, ""), address, preference })),
      );
    }
  }
  const hosts = found.filter(({ preference }) => preference < ours).map(({ name, address }) => ({ name, address }));
  if (hosts.length > 0) return { at: "found", hosts: hosts.slice(0, ADDRESS_LIMIT) };
  if (failure !== null)
    return temporary("4.4.3", `No mail server of ${nextHop.host} can be looked up at present (${failure})`);
  if (ours < Number.POSITIVE_INFINITY) return loop(nextHop);
  if (names.length > NAMES_LIMIT)
    return temporary("4.4.4", `None of the first ${NAMES_LIMIT} mail servers of ${nextHop.host} has an address`);
  return permanent("5.1.2", `There is no mail server for ${nextHop.host}`);
}
