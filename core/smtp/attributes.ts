/** The attributes of XCLIENT and XFORWARD: `NAME=value` with the value in xtext. `null` where there is a mistake. */
import ipaddr from "ipaddr.js";
import { parseDomain } from "../mail/address.ts";
import { decodeXtext } from "./xtext.ts";

/** `null`: not known, for now or for ever (`[UNAVAILABLE]`, `[TEMPUNAVAIL]`). */
export type Attributes<N extends string> = ReadonlyMap<N, string | null>;

const VALUE_LIMIT = 255;

/** Names in upper case. A name that is said twice counts as it was said last. */
export function parseAttributes<N extends string>(text: string, names: readonly N[]): Attributes<N> | null {
  const attributes = new Map<N, string | null>();
  for (const word of text.split(" ")) {
    if (word === "") continue;
    const equals = word.indexOf("=");
    const name = names.find((one) => one === word.slice(0, Math.max(0, equals)).toUpperCase());
    const raw = word.slice(equals + 1);
    if (name === undefined || raw === "") return null;
    if (/^\[(?:UNAVAILABLE|TEMPUNAVAIL)\]$/i.test(raw)) {
      attributes.set(name, null);
      continue;
    }
    const value = decodeXtext(raw);
    if (value === null || value.length > VALUE_LIMIT) return null;
    attributes.set(name, value);
  }
  return attributes.size === 0 ? null : attributes;
}

/** `192.0.2.1`, `IPV6:2001:db8::1` and, leniently, `2001:db8::1`; as sessions carry addresses. */
export function parseClientAddress(value: string): string | null {
  if (ipaddr.IPv4.isValidFourPartDecimal(value)) return value;
  const text = value.replace(/^ipv6:/i, "");
  return ipaddr.IPv6.isValid(text) && !text.includes("%") ? ipaddr.process(text).toString() : null;
}

export const parsePort = (value: string): number | null =>
  /^\d{1,5}$/.test(value) && Number(value) <= 65_535 ? Number(value) : null;

export const parseHostName = (value: string): string | null => parseDomain(value, { utf8: false });
