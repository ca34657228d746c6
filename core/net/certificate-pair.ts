/**
 * A certificate chain and its key from two PEM files, checked before they are used; and the authorities that client certificates
 * must lead to. Throws `CertificateError` naming the file and what is wrong with it: the text is for the operator.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { type CertificateReader, certificatesOnDisk } from "./certificate-reader.ts";
import { CertificateError } from "./net-errors.ts";

export interface CertificateFiles {
  /** PEM: the server's certificate, then those of its issuers. */
  readonly cert: string;
  /** PEM: its private key. May be the same file. */
  readonly key: string;
}

export interface CertificatePair {
  readonly files: CertificateFiles;
  readonly chainPem: Buffer;
  readonly keyPem: Buffer;
  readonly certificate: X509Certificate;
  /** `rsa`, `ec`, ... */
  readonly keyType: string;
  /** DNS names in lower case, `*.example.org` among them. */
  readonly dnsNames: readonly string[];
  /** The names that it is good for, as in the certificate (RFC 5280 4.2.1.6). */
  readonly names: string;
  readonly notAfter: Date;
}

const BEGIN_CERTIFICATE = "-----BEGIN CERTIFICATE-----";

export async function loadCertificatePair(
  files: CertificateFiles,
  reader: CertificateReader = certificatesOnDisk,
): Promise<CertificatePair> {
  const chainPem = await read(reader, "certificate", files.cert);
  const keyPem = await read(reader, "key", files.key);
  const certificate = parseCertificate(chainPem, files.cert);
  const key = parseKey(keyPem, files.key);
  if (!certificate.checkPrivateKey(key)) {
    throw new CertificateError(`the key in ${files.key} does not belong to the certificate in ${files.cert}`);
  }
  return {
    files,
    chainPem,
    keyPem,
    certificate,
    keyType: key.asymmetricKeyType ?? "unknown",
    dnsNames: dnsNamesOf(certificate),
    names: certificate.subjectAltName ?? certificate.subject,
    notAfter: new Date(certificate.validTo),
  };
}

/** The authorities in a PEM file, each of them seen to be a certificate. */
export async function loadClientCa(path: string, reader: CertificateReader = certificatesOnDisk): Promise<Buffer> {
  const pem = await read(reader, "clientCa", path);
  const certificates = pem.toString("latin1").split(BEGIN_CERTIFICATE).slice(1);
  if (certificates.length === 0)
    throw new CertificateError(`${path} has no certificate in it (PEM, "${BEGIN_CERTIFICATE}")`);
  for (const certificate of certificates) parseCertificate(Buffer.from(BEGIN_CERTIFICATE + certificate), path);
  return pem;
}

/** RFC 6125 6.4.4: the common name counts only where there are no DNS names. */
function dnsNamesOf(certificate: X509Certificate): readonly string[] {
  const names = [...(certificate.subjectAltName ?? "").matchAll(/(?:^|, )DNS:([^,"]+)/g)].map(([, name]) => name);
  const commonName = /^CN=(.+)$/m.exec(certificate.subject)?.[1];
  const found = names.length > 0 || commonName === undefined ? names : [commonName];
  return found.flatMap((name) => (name === undefined ? [] : [name.toLowerCase()]));
}

async function read(
  reader: CertificateReader,
  what: "certificate" | "key" | "clientCa",
  path: string,
): Promise<Buffer> {
  try {
    return await reader.read(path);
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
  if (!pem.includes(BEGIN_CERTIFICATE)) {
    throw new CertificateError(`${path} has no certificate in it (PEM, "${BEGIN_CERTIFICATE}")`);
  }
  try {
    return new X509Certificate(pem.subarray(pem.indexOf(BEGIN_CERTIFICATE)));
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
