/** The certificate: readable, fitting its key, good for the server's name and for some time yet. */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { ServerConfig } from "../../app/config/server-config.ts";
import { loadCertificatePair } from "../../net/certificate-pair.ts";
import { CertificateError } from "../../net/net-errors.ts";
import { errorAt, type Finding, warningAt } from "./finding.ts";

const warnBeforeMs = 14 * 86_400_000;

export async function checkCertificate({ tls, hostname }: ServerConfig, nowMs: number): Promise<readonly Finding[]> {
  // Not made before the first start.
  if (tls === null || tls.at === "selfSigned") return [];
  try {
    const { notAfter } = await loadCertificatePair(tls);
    const findings: Finding[] = [];
    if (notAfter.getTime() < nowMs)
      findings.push(errorAt("tls", `the certificate has expired (${notAfter.toISOString()})`));
    else if (notAfter.getTime() < nowMs + warnBeforeMs) {
      findings.push(warningAt("tls", `the certificate expires soon (${notAfter.toISOString()})`));
    }
    const certificate = new X509Certificate(await readFile(tls.cert));
    if (certificate.checkHost(hostname) === undefined) {
      findings.push(
        warningAt(
          "tls",
          `the certificate is not for ${hostname}: ${certificate.subjectAltName ?? certificate.subject}`,
        ),
      );
    }
    return findings;
  } catch (error) {
    if (error instanceof CertificateError) return [errorAt("tls", error.message)];
    throw error;
  }
}
