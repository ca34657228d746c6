/** Certificates: readable, fitting their keys, good for the server's name and for some time yet; and who vouches for clients. */
import type { ServerConfig, TlsFiles } from "../../app/config/server-config.ts";
import { type CertificatePair, loadCertificatePair, loadClientCa } from "../../net/certificate-pair.ts";
import { CertificateError } from "../../net/net-errors.ts";
import { errorAt, type Finding, warningAt } from "./finding.ts";

const warnBeforeMs = 14 * 86_400_000;

export async function checkCertificates(
  { tls, hostname, listeners }: ServerConfig,
  nowMs: number,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  // One of our own making is not made before the first start.
  if (tls?.at === "files") findings.push(...(await checkPairs("tls", tls.pairs, { hostname, nowMs })));
  for (const { name, certificates, clients } of listeners) {
    if (certificates) findings.push(...(await checkPairs(name, certificates, { hostname: null, nowMs })));
    const ca = clients?.ca ?? null;
    if (ca !== null) findings.push(...(await told(name, () => loadClientCa(ca))).findings);
  }
  return findings;
}

async function checkPairs(
  about: string,
  files: TlsFiles["pairs"],
  { hostname, nowMs }: { readonly hostname: string | null; readonly nowMs: number },
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const pairs: CertificatePair[] = [];
  for (const one of files) {
    const { value, findings: wrong } = await told(about, () => loadCertificatePair(one));
    findings.push(...wrong);
    if (value) pairs.push(value);
  }
  for (const { notAfter, names } of pairs) {
    const which = pairs.length > 1 ? ` of ${names}` : "";
    const when = notAfter.toISOString();
    if (notAfter.getTime() < nowMs) findings.push(errorAt(about, `the certificate${which} has expired (${when})`));
    else if (notAfter.getTime() < nowMs + warnBeforeMs)
      findings.push(warningAt(about, `the certificate${which} expires soon (${when})`));
  }
  const isNamed = (name: string) => pairs.some(({ certificate }) => certificate.checkHost(name) !== undefined);
  if (hostname !== null && pairs.length === files.length && !isNamed(hostname)) {
    const names = pairs.map((pair) => pair.names).join("; ");
    findings.push(warningAt(about, `the certificate is not for ${hostname}: ${names}`));
  }
  return findings;
}

async function told<T>(
  about: string,
  load: () => Promise<T>,
): Promise<{ readonly value: T | null; readonly findings: readonly Finding[] }> {
  try {
    return { value: await load(), findings: [] };
  } catch (error) {
    if (error instanceof CertificateError) return { value: null, findings: [errorAt(about, error.message)] };
    throw error;
  }
}
