/** Whose certificate it is: the e-mail addresses in it, then the common name. For those that an authority vouches for. */
import { X509Certificate } from "node:crypto";
import type { TlsFacts } from "../contracts/session.ts";

export function certificateNames({ clientCertificate, clientName }: TlsFacts): readonly string[] {
  if (!clientCertificate) return [];
  const alternative = new X509Certificate(clientCertificate).subjectAltName ?? "";
  // Node quotes names that hold separators, so that nobody smuggles one name into another; no address needs that.
  const emails = alternative.includes('"')
    ? []
    : alternative.split(", ").flatMap((name) => /^email:([^\s,]+@[^\s,]+)$/.exec(name)?.[1] ?? []);
  return clientName ? [...emails, clientName] : emails;
}
