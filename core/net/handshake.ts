/**
 * The server's side of a TLS handshake on an accepted socket, at once (implicit TLS) or after STARTTLS. Rejects with
 * `HandshakeFailed` when it fails or takes too long; the socket is destroyed then. Later TLS errors destroy it, too.
 */
import type { Socket } from "node:net";
import { TLSSocket, type TlsOptions } from "node:tls";
import type { TlsFacts } from "../contracts/session.ts";
import { HandshakeFailed } from "./net-errors.ts";

export function shakeHands(socket: Socket, options: TlsOptions, timeoutMs: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secured = new TLSSocket(socket, { ...options, isServer: true });
    const timer = setTimeout(() => secured.destroy(new Error(`no handshake within ${timeoutMs} ms`)), timeoutMs);
    let cause: Error | null = null;
    const onGone = () => {
      clearTimeout(timer);
      reject(new HandshakeFailed(cause?.message ?? "the client left before the handshake ended", { cause }));
      socket.destroy();
    };
    secured.once("secure", () => {
      clearTimeout(timer);
      secured.off("close", onGone);
      resolve(secured);
    });
    secured.once("close", onGone);
    secured.on("error", (error) => {
      cause ??= error;
    });
    // Node reports what happens on a socket that no tls.Server looks after by this event only, and goes on.
    secured.on("_tlsError", (error: Error) => {
      cause ??= error;
      secured.destroy();
    });
  });
}

export function tlsFacts(secured: TLSSocket): TlsFacts {
  const { servername } = secured as { readonly servername?: string | false | null };
  const certificate = secured.getPeerX509Certificate();
  return {
    protocol: secured.getProtocol() ?? "unknown",
    cipher: secured.getCipher().name,
    servername: typeof servername === "string" && servername !== "" ? servername : null,
    clientCertificate: certificate ? certificate.raw : null,
  };
}
