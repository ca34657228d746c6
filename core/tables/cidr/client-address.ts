/**
 * Addresses as `cidr:` compares them: 16 bits at a time, as text with one character for each. A network is known by its address with
 * nothing behind the prefix. (Numbers of 128 bits will not do as keys: V8 tells them apart by their last 64 bits, and those of
 * most IPv6 networks are all the same.)
 */

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
  const groups = groupsOfIPv6(text);
  return groups && { family: 6, groups };
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

/** RFC 4291 2.2: one `::` stands for groups of zeros, one at least, and the last 32 bits may be written as IPv4. */
function groupsOfIPv6(text: string): readonly number[] | null {
  const groups: number[] = [];
  let gap = -1;
  let at = 0;
  while (at < text.length) {
    if (text.startsWith("::", at)) {
      if (gap >= 0) return null;
      gap = groups.length;
      at += 2;
      continue;
    }
    // What stands between two groups, but not before the first one.
    if (groups.length > 0 && gap !== groups.length) {
      if (text.charCodeAt(at) !== COLON) return null;
      at += 1;
    }
    const start = at;
    let value = 0;
    for (let digit = hexDigit(text.charCodeAt(at)); digit >= 0; digit = hexDigit(text.charCodeAt(at))) {
      value = value * 16 + digit;
      at += 1;
    }
    if (text.charCodeAt(at) === DOT) {
      const quad = quadGroups(text.slice(start));
      if (!quad) return null;
      groups.push(...quad);
      break;
    }
    if (at === start || at - start > 4 || groups.length > 7) return null;
    groups.push(value);
  }
  if (gap < 0) return groups.length === 8 ? groups : null;
  if (groups.length > 7) return null;
  return [...groups.slice(0, gap), ...new Array<number>(8 - groups.length).fill(0), ...groups.slice(gap)];
}

const COLON = 0x3a;
const DOT = 0x2e;

/** -1 for what is none. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Four decimal numbers without leading zeros, and nothing else. */
function quadGroups(text: string): readonly number[] | null {
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === DOT && octet >= 0) {
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
