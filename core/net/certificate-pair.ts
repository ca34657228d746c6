/**
 * A certificate chain and its key from two PEM files, checked before they are used. Throws `CertificateError` naming the
 * file and what is wrong with it: the text is for the operator.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContext } from "node:tls";
import { CertificateError } from "./net-errors.ts";

export interface CertificateFiles {
  /** PEM: the server's certificate, then those of its issuers. */
  readonly cert: string;
  /** PEM: its private key. May be the same file. */
  readonly key: string;
}

export interface CertificatePair {
  readonly secureContext: SecureContext;
  /** The names that it is good for, as in the certificate (RFC 5280 4.2.1.6). */
  readonly names: string;
  readonly notAfter: Date;
}

export async function loadCertificatePair(files: CertificateFiles): Promise<CertificatePair> {
  const chain = await read("certificate", files.cert);
  const keyPem = await read("key", files.key);
  const certificate = parseCertificate(chain, files.cert);
  const key = parseKey(keyPem, files.key);
  if (!certificate.checkPrivateKey(key)) {
    throw new CertificateError(`the key in ${files.key} does not belong to the certificate in ${files.cert}`);
  }
  let secureContext: SecureContext;
  try {
    // RFC 8996: TLS 1.0 and 1.1 are not to be used
    secureContext = createSecureContext({ cert: chain, key: keyPem, minVersion: "TLSv1.2" });
  } catch (cause) {
    throw new CertificateError(`the certificate in ${files.cert} cannot be used: ${textOf(cause)}`, { cause });
  }
  return {
    secureContext,
    names: certificate.subjectAltName ?? certificate.subject,
    notAfter: new Date(certificate.validTo),
  };
}

async function read(what: "certificate" | "key", path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new CertificateError(`${what} file ${path}: ${readFault(cause)}`, { cause });
  }
}

function readFault(cause: unknown): string {
  switch ((cause as NodeJS.ErrnoException).code) {
    case "ENOENT":
      return "there is no such file";
    case "EACCES":
      return "this user may not read it";
    case "EISDIR":
      return "it is a directory";
    default:
      return textOf(cause);
  }
}

function parseCertificate(pem: Buffer, path: string): X509Certificate {
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) {
    throw new CertificateError(`${path} has no certificate in it (PEM, "-----BEGIN CERTIFICATE-----")`);
  }
  try {
    return new X509Certificate(pem.subarray(pem.indexOf("-----BEGIN CERTIFICATE-----")));
  } catch (cause) {
    throw new CertificateError(`the certificate in ${path} cannot be read: ${textOf(cause)}`, { cause });
  }
}

function parseKey(pem: Buffer, path: string): KeyObject {
  if (!pem.includes("PRIVATE KEY-----")) {
    throw new CertificateError(`${path} has no private key in it (PEM, "-----BEGIN PRIVATE KEY-----")`);
  }
  if (pem.includes("ENCRYPTED")) {
    throw new CertificateError(`the key in ${path} asks for a pass phrase; the server has nobody to ask`);
  }
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new CertificateError(`the key in ${path} cannot be read: ${textOf(cause)}`, { cause });
  }
}

const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
