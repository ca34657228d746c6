/** Addresses as DNS has them: labels from the last to the first. Pure; what is no address is `null`. */
import ipaddr from "ipaddr.js";

/** `192.0.2.1` is `1.2.0.192`; IPv6 goes by its 32 nibbles (RFC 3596 2.5, RFC 5782 2.4). IPv4-mapped IPv6 is IPv4. */
export function reversedAddress(address: string): string | null {
  if (!ipaddr.IPv4.isValidFourPartDecimal(address) && !ipaddr.IPv6.isValid(address)) return null;
  const parsed = ipaddr.process(address);
  const octets = parsed.toByteArray();
  if (parsed.kind() === "ipv4") return octets.reverse().join(".");
  const nibbles = octets.flatMap((octet) => [octet >> 4, octet & 15]);
  return nibbles
    .map((nibble) => nibble.toString(16))
    .reverse()
    .join(".");
}

/** Where the PTR record of an address stands. */
export function pointerName(address: string): string | null {
  const labels = reversedAddress(address);
  if (labels === null) return null;
  return `${labels}.${labels.length > 15 ? "ip6" : "in-addr"}.arpa`;
}
