/**
 * The `Received:` field of RFC 5321 4.4, and how many a message has. What a client told of itself is cut and stripped of control
 * characters and parentheses before it stands in there.
 */
import { type Envelope, LOCAL_USER_LABEL } from "../contracts/envelope.ts";
import type { ServerFacts } from "../contracts/server-facts.ts";
import type { ForwardedClient, Session, TlsFacts } from "../contracts/session.ts";
import type { Change } from "../contracts/verdicts.ts";
import { formatDate } from "../mail/date.ts";
import { safeText } from "../mail/header.ts";
import { countFields } from "./field-scan.ts";

/**
 * `address` of the one recipient that the client named; `null` for several: nobody is to see the others (RFC 5321 7.2).
 * `isClientHidden`: where an own user sits is nobody's business.
 */
export function receivedField(
  envelope: Envelope,
  facts: ServerFacts,
  how: { readonly nowMs: number; readonly address: string | null; readonly isClientHidden?: boolean },
): Change {
  const { session } = envelope;
  const client = how.isClientHidden === true ? null : session;
  const lines = [
    client && `from ${clientName(client)} (${tcpInfo(client)})`,
    session?.tls && `(${tlsInfo(session.tls, client !== null)})`,
    client?.forwarded && forwardedFor(client.forwarded),
    `by ${facts.hostname} (Postern${localUser(envelope)})${session ? ` with ${protocolWord(session, envelope.isSmtpUtf8)}` : ""} id ${envelope.id}`,
    how.address && `for <${safeText(how.address)}>`,
  ].filter((line) => line !== null && line !== undefined && line !== "");
  return { op: "prepend", header: "Received", value: `${lines.join("\r\n\t")}; ${formatDate(how.nowMs)}` };
}

/** RFC 5321 4.4 lets comments stand here; that is where others look for the client whom a filter stands for. */
const forwardedFor = ({ name, address, heloName }: ForwardedClient): string =>
  `(on behalf of ${heloName === null ? "" : `${word(heloName)} `}${name === null ? "unknown" : word(name)}${address === null ? "" : ` ${literal(address)}`})`;

/** `using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256 bits), no client certificate asked for` */
function tlsInfo(tls: TlsFacts, namesClient: boolean): string {
  const bits = cipherBits(tls.cipher);
  const using = `using ${word(tls.protocol)} with cipher ${word(tls.cipher)}${bits === null ? "" : ` (${bits} bits)`}`;
  return namesClient && tls.isClientAsked !== undefined ? `${using}, ${certificateInfo(tls)}` : using;
}

function certificateInfo({ isClientAsked, clientCertificate, isClientVerified, clientName }: TlsFacts): string {
  if (!isClientAsked) return "no client certificate asked for";
  if (clientCertificate === null) return "client sent no certificate";
  return isClientVerified
    ? `client certificate of ${word(clientName ?? "")} verified`
    : "client certificate not verified";
}

/** Of the key, as the cipher's name tells: nothing else does. */
function cipherBits(cipher: string): number | null {
  if (cipher.includes("CHACHA20")) return 256;
  const bits = /(?:AES|CAMELLIA|ARIA)_?(128|256)/.exec(cipher)?.[1];
  return bits === undefined ? null : Number(bits);
}

/** Which user's program left it: nobody logged in, and the sender may be whatever the program said. */
function localUser(envelope: Envelope): string {
  const uid = envelope.label(LOCAL_USER_LABEL);
  return Number.isInteger(uid) ? `, from userid ${uid}` : "";
}

const CLIENT_TEXT_LIMIT = 255;

/** Printable, without what would end a word or a comment (RFC 5322 3.2.2). */
const word = (text: string): string =>
  safeText(text)
    .replace(/[\s()\\;]/g, "")
    .slice(0, CLIENT_TEXT_LIMIT) || "unknown";

const clientName = (session: Session): string =>
  session.heloName === null || session.heloName === "" ? literal(session.remote.address) : word(session.heloName);

const tcpInfo = ({ remote }: Session): string =>
  remote.address === ""
    ? "local"
    : `${remote.hostname === null ? "unknown" : word(remote.hostname)} ${literal(remote.address)}`;

// RFC 5321 4.1.3
const literal = (address: string): string =>
  address === "" ? "localhost" : address.includes(":") ? `[IPv6:${word(address)}]` : `[${word(address)}]`;

// RFC 3848 and RFC 6531 4.3: there is no UTF8SMTP without extensions.
function protocolWord(session: Session, isSmtpUtf8: boolean): string {
  const suffix = `${session.tls ? "S" : ""}${session.identity ? "A" : ""}`;
  if (session.protocol === "lmtp") return `${isSmtpUtf8 ? "UTF8" : ""}LMTP${suffix}`;
  if (isSmtpUtf8) return `UTF8SMTP${suffix}`;
  return session.isExtended === false && suffix === "" ? "SMTP" : `ESMTP${suffix}`;
}

/** RFC 5321 6.3: at least 100 */
export const HOPS_LIMIT = 100;

/** How many `Received:` fields stand in a header block, counted on the bytes. */
export const countHops = (header: Uint8Array): number => countFields(header, "received");
