/**
 * The server's side of a TLS handshake on an accepted socket, at once (implicit TLS) or after STARTTLS. Rejects with
 * `HandshakeFailed` when it fails, takes too long, or brings no certificate of the client's where one is required; the socket is
 * destroyed then. Later TLS errors destroy it, too.
 */
import type { Socket } from "node:net";
import { TLSSocket, type TlsOptions } from "node:tls";
import type { ServerTlsOptions } from "../contracts/certificates.ts";
import type { TlsFacts } from "../contracts/session.ts";
import { safeText } from "../mail/header.ts";
import { channelBinding } from "./channel-binding.ts";
import { askedServername } from "./client-hello.ts";
import { HandshakeFailed } from "./net-errors.ts";

export interface Secured {
  readonly socket: TLSSocket;
  readonly facts: TlsFacts;
}

export async function shakeHands(socket: Socket, options: ServerTlsOptions, timeoutMs: number): Promise<Secured> {
  const { contextFor, ...own } = options;
  if (!contextFor) return secure(socket, own, timeoutMs);
  const beganAt = performance.now();
  const servername = await askedServername(socket, timeoutMs).catch((error: unknown) => {
    socket.destroy();
    throw error;
  });
  const secureContext = servername === null ? own.secureContext : contextFor(servername);
  return secure(socket, { ...own, secureContext }, Math.ceil(timeoutMs - (performance.now() - beganAt)));
}

function secure(socket: Socket, options: TlsOptions, timeoutMs: number): Promise<Secured> {
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
      const trust = clientTrust(secured);
      const facts = tlsFacts(secured, { isAsked: options.requestCert === true, isVerified: trust === null });
      if (options.requestCert && options.rejectUnauthorized && !facts.isClientVerified) {
        cause = new Error(`the client has no certificate that is trusted here (${trust ?? "none"})`);
        secured.destroy();
        return;
      }
      clearTimeout(timer);
      secured.off("close", onGone).off("end", onEnd);
      resolve({ socket: secured, facts });
    });
    // On a socket that may be half open, this alone would end nothing: the client would hold it until the time-out.
    const onEnd = () => secured.destroy();
    secured.once("close", onGone).once("end", onEnd);
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

/** `null`: the client's certificate is good, if it has one. A tls.Server would ask the same; outside of one node leaves it to us. */
function clientTrust(secured: TLSSocket): string | null {
  const handle = (secured as { readonly _handle?: { verifyError?(): NodeJS.ErrnoException | null } | null })._handle;
  if (typeof handle?.verifyError !== "function") return "UNKNOWN";
  const error = handle.verifyError();
  return error ? (error.code ?? error.message) : null;
}

function tlsFacts(secured: TLSSocket, client: { readonly isAsked: boolean; readonly isVerified: boolean }): TlsFacts {
  const { servername } = secured as { readonly servername?: string | false | null };
  const certificate = client.isAsked ? secured.getPeerX509Certificate() : undefined;
  const isClientVerified = certificate !== undefined && client.isVerified;
  return {
    protocol: secured.getProtocol() ?? "unknown",
    cipher: secured.getCipher().name,
    servername: typeof servername === "string" && servername !== "" ? servername : null,
    isClientAsked: client.isAsked,
    clientCertificate: certificate ? certificate.raw : null,
    isClientVerified,
    clientFingerprint: certificate ? certificate.fingerprint256.replaceAll(":", "").toLowerCase() : null,
    clientName: isClientVerified ? commonName(certificate.subject) : null,
    channelBinding: (type) => channelBinding(secured, type),
  };
}

/** Node writes a subject one attribute a line. The last common name is the most special one. */
function commonName(subject: string): string | null {
  const name = subject
    .split("\n")
    .findLast((line) => line.startsWith("CN="))
    ?.slice(3);
  return name === undefined ? null : safeText(name).slice(0, 255);
}
