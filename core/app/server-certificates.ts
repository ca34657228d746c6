/**
 * All certificates of one server: the server's own, and those of listeners that have some of their own or ask clients for theirs.
 * Throws `CertificateError` if any of them cannot be used.
 */
import type { Certificates } from "../contracts/certificates.ts";
import type { Log } from "../contracts/log.ts";
import type { CertificateReader } from "../net/certificate-reader.ts";
import { noCertificates, type OpenCertificates, openCertificates } from "../net/certificates.ts";
import type { ListenerConfig, ServerConfig } from "./config/server-config.ts";

export interface ServerCertificates {
  readonly ofServer: Certificates;
  ofListener(listener: ListenerConfig): Certificates;
  close(): void;
}

export async function openServerCertificates(
  { tls, listeners }: ServerConfig,
  { log, reader }: { readonly log: Log; readonly reader: CertificateReader },
): Promise<ServerCertificates> {
  const opened: OpenCertificates[] = [];
  const close = () => {
    for (const certificates of opened) certificates.close();
  };
  const open = async (...asked: Parameters<typeof openCertificates>) => {
    const certificates = await openCertificates(...asked);
    opened.push(certificates);
    return certificates;
  };
  try {
    const ofServer = tls === null ? noCertificates : await open(tls.pairs, { log, reader });
    const own = new Map<string, Certificates>();
    for (const { name, certificates, clients, tls: words } of listeners) {
      const pairs = certificates ?? tls?.pairs;
      if (pairs === undefined || words === "none" || (certificates === undefined && clients === undefined)) continue;
      const more = { log: log.child({ listener: name }), reader };
      own.set(name, await open(pairs, clients === undefined ? more : { ...more, clients }));
    }
    return { ofServer, ofListener: ({ name }) => own.get(name) ?? ofServer, close };
  } catch (cause) {
    close();
    throw cause;
  }
}

/** Every file that certificates are read from. */
export function certificatePaths({ tls, listeners }: ServerConfig): ReadonlySet<string> {
  const pairs = [...(tls?.pairs ?? []), ...listeners.flatMap(({ certificates }) => certificates ?? [])];
  const authorities = listeners.flatMap(({ clients }) => clients?.ca ?? []);
  return new Set([...pairs.flatMap(({ cert, key }) => [cert, key]), ...authorities]);
}
