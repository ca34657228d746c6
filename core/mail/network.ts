/**
 * Networks in CIDR notation, as configs name them. An IPv4 client is one also when it comes as an IPv4-mapped IPv6 address
 * (RFC 4291 2.5.5.2). Never throws: a text that is no network is answered with what is wrong with it.
 */
import ipaddr from "ipaddr.js";

export type Network = readonly [address: ipaddr.IPv4 | ipaddr.IPv6, prefixBits: number];

/** `192.0.2.0/24`, `2001:db8::/32`, or one address. A text says what is wrong with it. */
export function parseNetwork(text: string): Network | string {
  const [host = "", prefix, ...rest] = text.split("/");
  if (rest.length > 0 || !isWholeAddress(host))
    return `"${text}" is no network: write 192.0.2.0/24, 2001:db8::/32 or one address`;
  const address = ipaddr.parse(host);
  const bits = address.kind() === "ipv4" ? 32 : 128;
  const prefixBits = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (!(prefixBits >= 0 && prefixBits <= bits)) return `"${text}" is no network: the prefix goes from 0 to ${bits}`;
  const base = networkAddress(address, prefixBits);
  if (base !== address.toNormalizedString())
    return `"${text}" has bits behind its prefix: did you mean ${base}/${prefixBits}?`;
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && prefixBits >= 96) {
    return [address.toIPv4Address(), prefixBits - 96];
  }
  return [address, prefixBits];
}

type ClientAddress = ipaddr.IPv4 | ipaddr.IPv6 | null;
/** Every policy of a session asks about the same client. */
const addresses = new Map<string, ClientAddress>();
const networksOfClients = new Map<string, string>();
const REMEMBERED = 256;

function remembered<V>(known: Map<string, V>, key: string, make: () => V): V {
  const before = known.get(key);
  if (before !== undefined) return before;
  const value = make();
  if (known.size >= REMEMBERED) known.clear();
  known.set(key, value);
  return value;
}

/** `null`: it is no address. */
const addressOf = (text: string): ClientAddress =>
  remembered(addresses, text, () => (ipaddr.isValid(text) ? ipaddr.process(text) : null));

export function isWithin(clientAddress: string, networks: readonly Network[]): Network | null {
  if (networks.length === 0) return null;
  const address = addressOf(clientAddress);
  // What is no address (a unix socket) is in no network.
  if (address === null) return null;
  for (const network of networks) {
    const [base, prefixBits] = network;
    if (base.kind() === address.kind() && address.match(base, prefixBits)) return network;
  }
  return null;
}

export const networkText = ([address, prefixBits]: Network): string => `${address.toString()}/${prefixBits}`;

/**
 * The network that a client's address belongs to when clients are counted by networks: `192.0.2.0/24`, `2001:db8::/64`; with all
 * bits it is the address. One who owns a /64 has all of its addresses. What is no address (a unix socket) stands for itself.
 */
export function clientNetwork(clientAddress: string, bits: { readonly ipv4: number; readonly ipv6: number }): string {
  return remembered(networksOfClients, `${clientAddress} ${bits.ipv4} ${bits.ipv6}`, () =>
    networkOf(clientAddress, bits),
  );
}

function networkOf(clientAddress: string, bits: { readonly ipv4: number; readonly ipv6: number }): string {
  const address = addressOf(clientAddress);
  if (address === null) return clientAddress;
  const isV4 = address.kind() === "ipv4";
  const prefixBits = isV4 ? bits.ipv4 : bits.ipv6;
  if (prefixBits === (isV4 ? 32 : 128)) return address.toString();
  return `${ipaddr.parse(networkAddress(address, prefixBits)).toString()}/${prefixBits}`;
}

/** ipaddr.js also reads `127.1` and octal digits, as inet_aton does: in a list of who may relay that hides mistakes. */
const isWholeAddress = (host: string): boolean => ipaddr.IPv4.isValidFourPartDecimal(host) || ipaddr.IPv6.isValid(host);

function networkAddress(address: ipaddr.IPv4 | ipaddr.IPv6, prefixBits: number): string {
  const octets = address.toByteArray().map((octet, at) => {
    const kept = Math.min(8, Math.max(0, prefixBits - at * 8));
    return octet & (0xff << (8 - kept)) & 0xff;
  });
  return ipaddr.fromByteArray(octets).toNormalizedString();
}
