/** Whether a host's certificate shows that it is the one that was meant: by TLSA records (RFC 7672) or by an authority and a name. */
import { checkServerIdentity, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import type { OutboundTls, TlsFault, TlsFaultKind, TlsRequirement } from "../contracts/outbound.ts";
import { shownChain, tlsaFault } from "./dane.ts";
import { printable } from "./remote-reply.ts";

/** Without a way to be verified there is a flaw that says why. */
export type Judgement = Pick<OutboundTls, "verifiedBy" | "flaw">;

/** `verified` and `implicit` take only who has shown himself. */
export const isTlsRefused = ({ level }: TlsRequirement, { verifiedBy }: Judgement): boolean =>
  verifiedBy === null && (level === "verified" || level === "implicit");

export function judgeCertificate(
  secured: TLSSocket,
  requirement: TlsRequirement,
  names: readonly string[],
  nowMs: number,
): Judgement {
  const certificate = secured.getPeerCertificate(true);
  // An anonymous cipher shows none.
  if (certificate?.raw === undefined) return flawed("certificate-not-trusted", "the host shows no certificate");
  if (requirement.tlsa !== undefined && requirement.tlsa.length > 0) {
    const flaw = tlsaFault({ chain: shownChain(secured), records: requirement.tlsa, names, nowMs });
    return flaw === null ? { verifiedBy: "dane", flaw } : { verifiedBy: null, flaw };
  }
  if (!secured.authorized) {
    const { authorizationError: error } = secured;
    const code = error instanceof Error ? error.message : String(error);
    return flawed(kindOf(code), `the certificate is not trusted: ${code}`);
  }
  if (names.some((name) => isNamed(certificate, name))) return { verifiedBy: "pkix", flaw: null };
  return flawed("certificate-host-mismatch", `the certificate is not for ${names.slice(0, 3).join(", ")}`);
}

const flawed = (kind: TlsFaultKind, reason: string): Judgement => {
  const flaw: TlsFault = { kind, reason: printable(reason) };
  return { verifiedBy: null, flaw };
};

const kindOf = (code: string): TlsFaultKind =>
  code.includes("EXPIRED") ? "certificate-expired" : "certificate-not-trusted";

/** `*.example.org` and `.example.org`: any name below is good. */
function isNamed(certificate: DetailedPeerCertificate, name: string): boolean {
  const below = /^\*?(\..+)$/.exec(name)?.[1]?.toLowerCase();
  if (below === undefined) return checkServerIdentity(name, certificate) === undefined;
  const alternatives = certificate.subjectaltname?.split(", ") ?? [];
  return alternatives.some((one) => one.startsWith("DNS:") && one.toLowerCase().endsWith(below));
}
