/**
 * TLS over an open socket, and whether the certificate shows what the requirement asks for. Throws `OutboundFault` with the name that RFC 8460
 * has for what went wrong; the socket is gone then.
 */
import type { Socket } from "node:net";
import { isIP } from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import type { OutboundTls, TlsRequirement } from "../contracts/outbound.ts";
import { isTlsRefused, judgeCertificate } from "./certificate-judgement.ts";
import { OutboundFault, reasonOf } from "./outbound-fault.ts";
import { secureContexts } from "./secure-contexts.ts";
import type { TlsSessions } from "./tls-sessions.ts";

export interface SecureOptions {
  readonly requirement: TlsRequirement;
  /** The host's name. */
  readonly name: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly sessions: TlsSessions;
  /** Everything that the handshake depends on; sessions are resumed within one key alone. */
  readonly sessionKey: string;
}

export interface Secured {
  readonly socket: TLSSocket;
  readonly tls: OutboundTls;
}

const contexts = secureContexts();

export async function secure(socket: Socket, options: SecureOptions): Promise<Secured> {
  const { requirement, name, sessions, sessionKey } = options;
  const names = requirement.names ?? [name];
  const kept = sessions.take(sessionKey);
  // RFC 6066 3: an address is no server name
  const servername = names.find((one) => !/^[.*]/.test(one) && isIP(one) === 0);
  const asked: ConnectionOptions = {
    socket,
    secureContext: contexts(requirement),
    // Judged below: what is a condition, and what is only worth a note, the requirement says.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    ...(servername !== undefined && { servername }),
    ...(kept !== null && { session: kept.session }),
  };
  const secured = await handshake(socket, asked, options);
  const isResumed = secured.isSessionReused();
  // A resumed session shows no chain: what was found out when it began holds for it.
  const { judgement, judgedAtMs } =
    isResumed && kept !== null
      ? kept
      : { judgement: judgeCertificate(secured, requirement, names, sessions.now), judgedAtMs: sessions.now };
  if (isTlsRefused(requirement, judgement) && judgement.flaw !== null) {
    secured.destroy();
    throw new OutboundFault("tls", judgement.flaw.reason, { tlsFault: judgement.flaw });
  }
  secured.on("session", (session: Buffer) => sessions.keep(sessionKey, { session, judgement, judgedAtMs }));
  const tls: OutboundTls = {
    protocol: secured.getProtocol() ?? "unknown",
    cipher: secured.getCipher().name,
    verifiedBy: judgement.verifiedBy,
    flaw: judgement.flaw,
    isResumed,
  };
  return { socket: secured, tls };
}

function handshake(socket: Socket, asked: ConnectionOptions, { timeoutMs, signal }: SecureOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string, cause?: unknown) => {
      settle();
      secured?.on("error", () => undefined); // what is said of a connection that is given up is of no interest
      secured?.destroy();
      socket.destroy();
      reject(new OutboundFault("tls", `TLS: ${reason}`, { tlsFault: { kind: "validation-failure", reason }, cause }));
    };
    const onError = (error: Error) => fail(error.message, error);
    const onClose = () => fail("the host closed the connection during the handshake");
    const onAbort = () => fail("the delivery was called off");
    const limit = setTimeout(() => fail(`no handshake within ${Math.ceil(timeoutMs / 1_000)} s`), timeoutMs);
    const settle = () => {
      clearTimeout(limit);
      signal.removeEventListener("abort", onAbort);
      secured?.off("error", onError);
      secured?.off("close", onClose);
    };
    let secured: TLSSocket | null = null;
    try {
      secured = connect(asked);
    } catch (cause) {
      fail(reasonOf(cause), cause);
      return;
    }
    const done = secured;
    signal.addEventListener("abort", onAbort, { once: true });
    secured.once("error", onError);
    secured.once("close", onClose);
    secured.once("secureConnect", () => {
      settle();
      resolve(done);
    });
    if (signal.aborted) onAbort();
  });
}
