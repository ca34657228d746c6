/**
 * Whether a host's certificates match its TLSA records (RFC 6698, RFC 7671, RFC 7672 3). Pure, apart from cryptography; what cannot be read matches
 * nothing. Which records count, and that they are authentic, is known before.
 */
import { createHash, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { TlsaRecord, TlsFault } from "../contracts/outbound.ts";

export interface ShownCertificates {
  /** What the host showed: its own certificate first. */
  readonly chain: readonly X509Certificate[];
  readonly records: readonly TlsaRecord[];
  /** Of which its certificate has to carry one, where an authority vouches for it. */
  readonly names: readonly string[];
  readonly nowMs: number;
}

const DANE_TA = 2;
const DANE_EE = 3;
// Enough for any authority; a host may send whatever it likes.
const CHAIN_LIMIT = 10;
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const ANY_PURPOSE = "2.5.29.37.0";

/** All that the host sent, in its order. */
export function shownChain(secured: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = secured.getPeerX509Certificate();
  while (next !== undefined && chain.length < CHAIN_LIMIT) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}

/** `null`: a record vouches for the host; else what is wrong. */
export function tlsaFault(shown: ShownCertificates): TlsFault | null {
  const [own] = shown.chain;
  if (own === undefined) return { kind: "certificate-not-trusted", reason: "the host shows no certificate" };
  // RFC 7671 5.1: neither names nor dates count, as the record says it all
  if (shown.records.some((record) => record.usage === DANE_EE && isMatch(record, own))) return null;
  const anchors = shown.records.filter(({ usage }) => usage === DANE_TA);
  const others = shown.chain.slice(1, CHAIN_LIMIT);
  // What is out of date must not stand before what has replaced it.
  const inForce = others.filter((certificate) => isInForce(certificate, shown.nowMs));
  const path = pathToAnchor([own], new Set(inForce), anchors) ?? pathToAnchor([own], new Set(others), anchors);
  if (path === null) return { kind: "tlsa-invalid", reason: "no TLSA record matches the host's certificate" };
  // RFC 7672 3.1.2, 3.2.2
  const outdated = path.find((certificate) => !isInForce(certificate, shown.nowMs));
  if (outdated) return { kind: "certificate-expired", reason: "a certificate is out of date, or not yet in force" };
  if (!isForServers(own)) return { kind: "certificate-not-trusted", reason: "the certificate is not for servers" };
  if (shown.names.some((name) => own.checkHost(name, { partialWildcards: false }) !== undefined)) return null;
  return { kind: "certificate-host-mismatch", reason: `the certificate is not for ${shown.names.join(", ")}` };
}

/**
 * From the host's certificate to one that a record stands for (RFC 7671 5.2), each issued by the next; `null` if none leads there. The record
 * itself may bring what it stands for along. `others`: not looked at yet; each is taken out as it is, since where it leads does not depend on how
 * it was reached, and a host may send as many that have issued each other as it likes.
 */
function pathToAnchor(
  path: readonly X509Certificate[],
  others: Set<X509Certificate>,
  anchors: readonly TlsaRecord[],
): readonly X509Certificate[] | null {
  const last = path.at(-1);
  if (last === undefined) return null;
  if (path.length > 1 && anchors.some((record) => isMatch(record, last))) return path;
  for (const record of anchors) {
    const held = heldIn(record);
    if (held instanceof X509Certificate && isIssued(last, held)) return [...path, held];
    if (held !== null && !(held instanceof X509Certificate) && isSigned(last, held)) return path;
  }
  for (const issuer of [...others]) {
    if (!others.has(issuer) || !isIssued(last, issuer)) continue;
    others.delete(issuer);
    const found = pathToAnchor([...path, issuer], others, anchors);
    if (found !== null) return found;
  }
  return null;
}

const isIssued = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  issuer.ca && certificate.checkIssued(issuer) && isSigned(certificate, issuer.publicKey);

function isSigned(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.verify(key);
  } catch {
    return false; // a key of another kind
  }
}

/** A whole certificate or key (RFC 6698 2.1.3: matching type 0); `null` where the record has a digest. */
function heldIn({ selector, matchingType, data }: TlsaRecord): X509Certificate | KeyObject | null {
  if (matchingType !== 0) return null;
  try {
    if (selector === 0) return new X509Certificate(data);
    return createPublicKey({ key: Buffer.from(data), format: "der", type: "spki" });
  } catch {
    return null; // neither
  }
}

function isMatch({ selector, matchingType, data }: TlsaRecord, certificate: X509Certificate): boolean {
  if (selector !== 0 && selector !== 1) return false;
  const selected = selector === 0 ? certificate.raw : certificate.publicKey.export({ type: "spki", format: "der" });
  if (matchingType === 0) return selected.equals(data);
  if (matchingType !== 1 && matchingType !== 2) return false;
  const digest = createHash(matchingType === 1 ? "sha256" : "sha512")
    .update(selected)
    .digest();
  return digest.equals(data);
}

const isInForce = ({ validFrom, validTo }: X509Certificate, nowMs: number): boolean =>
  Date.parse(validFrom) <= nowMs && nowMs <= Date.parse(validTo);

// RFC 5280 4.2.1.12. Node's `keyUsage` is the extended one.
const isForServers = ({ keyUsage }: X509Certificate): boolean =>
  keyUsage === undefined || keyUsage.length === 0 || keyUsage.includes(SERVER_AUTH) || keyUsage.includes(ANY_PURPOSE);
