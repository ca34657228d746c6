/** What a client calls itself, read after RFC 5321 4.1.1.1: a host name or an address literal. Pure; never throws. */
import ipaddr from "ipaddr.js";
import { parseDomain } from "postern/mail";

export type HeloName =
  | { readonly at: "name" /** Lower case, without a dot at its end. */; readonly name: string }
  | { readonly at: "literal"; isOf(address: string): boolean }
  | { readonly at: "invalid" };

const invalid: HeloName = { at: "invalid" };

export function parseHelo(raw: string): HeloName {
  if (raw.startsWith("[")) return parseLiteral(raw);
  // Lenient: some write the root's dot.
  const name = parseDomain(raw.replace(/\.$/, ""));
  // An address without brackets, or any other run of digits and dots, is no name: no such top-level domain exists.
  if (name === null || /^[\d.]+$/.test(name)) return invalid;
  return { at: "name", name };
}

function parseLiteral(raw: string): HeloName {
  const literal = parseDomain(raw);
  const inside = literal && /^\[(?:IPv6:)?([\d.:a-f]+)\]$/i.exec(literal)?.[1];
  if (!inside || !(ipaddr.IPv4.isValidFourPartDecimal(inside) || ipaddr.IPv6.isValid(inside))) return invalid;
  // RFC 5321 4.1.3: IPv6 carries its tag
  if (inside.includes(":") !== /^\[ipv6:/i.test(raw)) return invalid;
  const own = normal(inside);
  return { at: "literal", isOf: (address) => ipaddr.isValid(address) && normal(address) === own };
}

const normal = (address: string): string => ipaddr.process(address).toNormalizedString();
