/**
 * Addresses as `cidr:` compares them: 16 bits at a time, as text with one character for each. A network is known by its address with
 * nothing behind the prefix. (Numbers of 128 bits will not do as keys: V8 tells them apart by their last 64 bits, and those of
 * most IPv6 networks are all the same.)
 */
import { isIPv6 } from "node:net";

export type Family = 4 | 6;

export interface ClientAddress {
  readonly family: Family;
  /** Two groups for IPv4, eight for IPv6. */
  readonly groups: readonly number[];
}

export const bitsOf = (family: Family): number => (family === 4 ? 32 : 128);

/** A client's address; `null` for what is none. An IPv4-mapped one stays IPv6, as in Postfix. */
export function parseClient(text: string): ClientAddress | null {
  if (!text.includes(":")) {
    const groups = quadGroups(text);
    return groups && { family: 4, groups };
  }
  if (text.includes("%") || !isIPv6(text)) return null;
  const [head = "", tail] = text.split("::");
  const first = groupsOf(head);
  const last = tail === undefined ? [] : groupsOf(tail);
  return { family: 6, groups: [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last] };
}

/** Differs for any two networks of one family and length. */
export function networkKey({ groups }: ClientAddress, bits: number): string {
  let key = "";
  for (let at = 0; at < groups.length; at += 1) {
    const kept = Math.min(16, Math.max(0, bits - at * 16));
    key += String.fromCharCode((groups[at] ?? 0) & (0xffff << (16 - kept)));
  }
  return key;
}

/** Of one side of `::`; RFC 4291 2.2: the last 32 bits may be written as IPv4. */
function groupsOf(text: string): readonly number[] {
  if (text === "") return [];
  return text
    .split(":")
    .flatMap((group) => (group.includes(".") ? (quadGroups(group) ?? []) : [Number.parseInt(group, 16)]));
}

/** Four decimal numbers without leading zeros, and nothing else. */
function quadGroups(text: string): readonly number[] | null {
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x2e && octet >= 0) {
      value = value * 256 + octet;
      octet = -1;
      dots += 1;
    } else if (code >= 0x30 && code <= 0x39 && octet !== 0) {
      octet = (octet < 0 ? 0 : octet * 10) + code - 0x30;
      if (octet > 255) return null;
    } else return null;
  }
  if (dots !== 3 || octet < 0) return null;
  value = value * 256 + octet;
  return [Math.floor(value / 65_536), value % 65_536];
}
