/** Clients that a listener names, by network: who may connect, who may speak for others, who may ask what. Never throws. */
import { parseDomain } from "../mail/address.ts";
import { isWithin, type Network, parseNetwork } from "../mail/network.ts";

/** Stands for every client of a unix socket, in configs and as a session's address. */
const UNIX = "unix";

export interface Peers {
  includes(remoteAddress: string): boolean;
}

/** `always`: whoever is connected. A list of networks counts those who authenticated among them. */
type WhoWord = "off" | "authenticated" | "always";
export type Who = WhoWord | Peers;

/** What a listener grants to whom. */
export interface SmtpPeers {
  /** Who may connect; `null`: everybody. */
  readonly clients: Peers | null;
  readonly xclient: Peers;
  readonly xforward: Peers;
  readonly vrfy: Who;
  readonly etrn: Who;
  /** Domains that ETRN may ask for, A-labels in lower case; `null`: any. */
  readonly etrnDomains: ReadonlySet<string> | null;
}

/** The same as a config says it. */
export interface PeerGrants {
  readonly from: readonly string[] | null;
  readonly xclient: readonly string[];
  readonly xforward: readonly string[];
  readonly vrfy: WhoWord | readonly string[];
  readonly etrn: WhoWord | readonly string[];
  readonly etrnDomains: readonly string[] | null;
}

const nobody: Peers = { includes: () => false };

export const noPeers: SmtpPeers = {
  clients: null,
  xclient: nobody,
  xforward: nobody,
  vrfy: "off",
  etrn: "off",
  etrnDomains: null,
};

/** Throws a `TypeError` for what is no network or domain. */
export function smtpPeers({ from, xclient, xforward, vrfy, etrn, etrnDomains }: PeerGrants): SmtpPeers {
  return {
    clients: from === null ? null : peersOf(from),
    xclient: peersOf(xclient),
    xforward: peersOf(xforward),
    vrfy: typeof vrfy === "string" ? vrfy : peersOf(vrfy),
    etrn: typeof etrn === "string" ? etrn : peersOf(etrn),
    etrnDomains: etrnDomains && new Set(etrnDomains.map(domainOf)),
  };
}

function peersOf(texts: readonly string[]): Peers {
  const peers = parsePeers(texts);
  if (typeof peers === "string") throw new TypeError(peers);
  return peers;
}

function domainOf(text: string): string {
  const domain = parseDomain(text);
  if (domain === null) throw new TypeError(`"${text}" is no domain`);
  return domain;
}

/** `127.0.0.0/8`, `::1`, `unix`. A text says what is wrong with one of them. */
function parsePeers(texts: readonly string[]): Peers | string {
  const networks: Network[] = [];
  for (const text of texts) {
    if (text === UNIX) continue;
    const network = parseNetwork(text);
    if (typeof network === "string") return network;
    networks.push(network);
  }
  const hasUnix = texts.includes(UNIX);
  return {
    includes: (address: string) =>
      address === UNIX ? hasUnix : networks.length > 0 && isWithin(address, networks) !== null,
  };
}

export function isAmong(who: Who, client: { readonly address: string; readonly isAuthenticated: boolean }): boolean {
  if (who === "off") return false;
  if (who === "always" || client.isAuthenticated) return true;
  return who !== "authenticated" && who.includes(client.address);
}
