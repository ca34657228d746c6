/** TLS contexts by what they are made of: reading authorities anew for each connection costs more than the handshake. */
import { createSecureContext, type SecureContext } from "node:tls";
import type { TlsRequirement } from "../contracts/outbound.ts";

const CONTEXTS_LIMIT = 100;

/** Throws what OpenSSL says of settings that it does not take. */
export function secureContexts(): (requirement: TlsRequirement) => SecureContext {
  const contexts = new Map<string, SecureContext>();
  return ({ ca, minVersion = "TLSv1.2", ciphers, clientCertificate }) => {
    const key = JSON.stringify([ca, minVersion, ciphers, clientCertificate]);
    const known = contexts.get(key);
    if (known !== undefined) return known;
    const context = createSecureContext({
      minVersion,
      ...(ca !== undefined && { ca: [...ca] }),
      ...(ciphers !== undefined && { ciphers }),
      ...clientCertificate,
    });
    const [oldest] = contexts.keys();
    if (contexts.size >= CONTEXTS_LIMIT && oldest !== undefined) contexts.delete(oldest);
    contexts.set(key, context);
    return context;
  };
}
