/** Channel binding data of a TLS connection on the server's side, for SASL. `null` where there is none that is safe to use. */
import { createHash } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { ChannelBindingType } from "../contracts/session.ts";
import { signatureHash } from "./signature-hash.ts";

const EXPORTER_LABEL = "EXPORTER-Channel-Binding";
const EXPORTER_OCTETS = 32;

export function channelBinding(secured: TLSSocket, type: ChannelBindingType): Uint8Array | null {
  if (secured.destroyed) return null;
  return type === "tls-exporter" ? tlsExporter(secured) : tlsServerEndPoint(secured);
}

// RFC 9266 4.2: below TLS 1.3 only with the extended master secret, and whether that was used node does not tell.
function tlsExporter(secured: TLSSocket): Uint8Array | null {
  if (secured.getProtocol() !== "TLSv1.3") return null;
  return secured.exportKeyingMaterial(EXPORTER_OCTETS, EXPORTER_LABEL, Buffer.alloc(0));
}

/** RFC 5929 4.1, of the certificate that the client was shown. */
function tlsServerEndPoint(secured: TLSSocket): Uint8Array | null {
  // A session that is resumed shows no certificate, and which one it was shown once cannot be told for sure.
  if (secured.isSessionReused()) return null;
  const certificate = secured.getX509Certificate();
  if (!certificate) return null;
  const hash = signatureHash(certificate.raw);
  if (hash === null) return null;
  return createHash(hash === "md5" || hash === "sha1" ? "sha256" : hash)
    .update(certificate.raw)
    .digest();
}
