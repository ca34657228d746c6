/**
 * The hash function of a certificate's signature (RFC 5280 4.1.1.2), which node does not tell. `null` where there is none that
 * could be named (Ed25519), or where the certificate is not understood.
 */

const SEQUENCE = 0x30;
const OBJECT_IDENTIFIER = 0x06;
const EXPLICIT_0 = 0xa0;

/** By the octets of their object identifiers, in hex. */
const hashes: ReadonlyMap<string, string> = new Map([
  ["2a864886f70d010104", "md5"], // md5WithRSAEncryption
  ["2a864886f70d010105", "sha1"], // sha1WithRSAEncryption
  ["2a864886f70d01010e", "sha224"],
  ["2a864886f70d01010b", "sha256"],
  ["2a864886f70d01010c", "sha384"],
  ["2a864886f70d01010d", "sha512"],
  ["2a8648ce3d0401", "sha1"], // ecdsa-with-SHA1
  ["2a8648ce3d040301", "sha224"],
  ["2a8648ce3d040302", "sha256"],
  ["2a8648ce3d040303", "sha384"],
  ["2a8648ce3d040304", "sha512"],
  ["2b0e03021a", "sha1"], // id-sha1, as a parameter of RSASSA-PSS
  ["608648016503040201", "sha256"],
  ["608648016503040202", "sha384"],
  ["608648016503040203", "sha512"],
  ["608648016503040204", "sha224"],
]);
const RSASSA_PSS = "2a864886f70d01010a";

export function signatureHash(certificate: Uint8Array): string | null {
  // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signature }
  const whole = element(certificate, 0, SEQUENCE);
  const toBeSigned = whole && element(certificate, whole.start, SEQUENCE);
  const algorithm = toBeSigned && element(certificate, toBeSigned.end, SEQUENCE);
  const identifier = algorithm && element(certificate, algorithm.start, OBJECT_IDENTIFIER);
  if (!identifier) return null;
  const name = hex(certificate, identifier);
  if (name !== RSASSA_PSS) return hashes.get(name) ?? null;
  // RFC 4055 3.1: RSASSA-PSS-params ::= SEQUENCE { hashAlgorithm [0] DEFAULT sha1, ... }
  const parameters = element(certificate, identifier.end, SEQUENCE);
  if (!parameters) return null;
  const tagged = element(certificate, parameters.start, EXPLICIT_0);
  if (!tagged) return "sha1";
  const hash = element(certificate, tagged.start, SEQUENCE);
  const hashName = hash && element(certificate, hash.start, OBJECT_IDENTIFIER);
  return hashName ? (hashes.get(hex(certificate, hashName)) ?? null) : null;
}

interface Span {
  /** Of the content. */
  readonly start: number;
  readonly end: number;
}

const hex = (octets: Uint8Array, { start, end }: Span): string =>
  Buffer.from(octets.subarray(start, end)).toString("hex");

/** The content of the DER element at this place, if it has this tag. */
function element(octets: Uint8Array, at: number, tag: number): Span | null {
  if (octets[at] !== tag) return null;
  let length = octets[at + 1] ?? 0;
  let start = at + 2;
  if (length >= 0x80) {
    const lengthOctets = length & 0x7f;
    if (lengthOctets === 0 || lengthOctets > 4) return null;
    length = 0;
    for (let left = lengthOctets; left > 0; left -= 1) length = length * 256 + (octets[start++] ?? 0);
  }
  const end = start + length;
  return end <= octets.length ? { start, end } : null;
}
