/**
 * The `Received:` field of RFC 5321 4.4, and how many a message has. What a client told of itself is cut and stripped of control
 * characters and parentheses before it stands in there.
 */
import type { Envelope } from "../contracts/envelope.ts";
import type { ServerFacts } from "../contracts/server-facts.ts";
import type { Session } from "../contracts/session.ts";
import type { Change } from "../contracts/verdicts.ts";
import { formatDate } from "../mail/date.ts";
import { safeText } from "../mail/header.ts";

/** `address` of the one recipient that the client named; `null` for several: nobody is to see the others (RFC 5321 7.2). */
export function receivedField(
  envelope: Envelope,
  facts: ServerFacts,
  how: { readonly nowMs: number; readonly address: string | null },
): Change {
  const { session } = envelope;
  const lines = [
    session && `from ${clientName(session)} (${tcpInfo(session)})`,
    session?.tls && `(using ${word(session.tls.protocol)} with cipher ${word(session.tls.cipher)})`,
    `by ${facts.hostname} (Postern)${session ? ` with ${protocolWord(session, envelope.isSmtpUtf8)}` : ""} id ${envelope.id}`,
    how.address && `for <${safeText(how.address)}>`,
  ].filter((line) => line !== null && line !== undefined && line !== "");
  return { op: "prepend", header: "Received", value: `${lines.join("\r\n\t")}; ${formatDate(how.nowMs)}` };
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

const LINE_FEED = 10;
const MARK = Buffer.from("\nreceived:");

/** How many `Received:` fields stand in a header block, counted on the bytes. */
export function countHops(header: Uint8Array): number {
  let hops = 0;
  for (let lf = -1; ; ) {
    if (startsField(header, lf)) hops += 1;
    lf = header.indexOf(LINE_FEED, lf + 1);
    if (lf === -1) return hops;
  }
}

function startsField(header: Uint8Array, lf: number): boolean {
  for (let at = 1; at < MARK.length; at += 1) {
    const byte = header[lf + at] ?? 0;
    // Upper case letters differ from lower case ones in this bit; the colon has it set.
    if ((byte | 0x20) !== MARK[at]) return false;
  }
  return true;
}
