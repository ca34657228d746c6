/** CRC32c (RFC 9260 appendix A, the Castagnoli polynomial), as the PROXY protocol's checksum field has it. */

const POLYNOMIAL = 0x82f63b78; // reflected

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1;
  return rest;
});

export function crc32c(octets: Uint8Array): number {
  let sum = 0xffffffff;
  for (const octet of octets) sum = (sum >>> 8) ^ (table[(sum ^ octet) & 0xff] ?? 0);
  return (sum ^ 0xffffffff) >>> 0;
}
