/** The attributes of one question (SMTPD_POLICY_README), written down. What Postern does not know is empty, as in Postfix. */
import { createHash, X509Certificate } from "node:crypto";
import type { Envelope, Session } from "postern/plugin";

export interface Asked {
  readonly state: "RCPT" | "DATA" | "END-OF-MESSAGE";
  readonly envelope: Envelope;
  readonly session: Session;
  /** At RCPT. */
  readonly recipient: string | null;
  /** At the end of the message. */
  readonly sizeBytes: number | null;
  /** What reverse DNS says, confirmed or not. */
  readonly reverseName: string | null;
  readonly context: string;
}

export function writeQuestion({ state, envelope, session, recipient, sizeBytes, reverseName, context }: Asked): string {
  const { remote, local, tls, identity } = session;
  const named = [...new Set(envelope.recipients.map(({ address, parents }) => String(parents[0] ?? address)))];
  const isWhole = state !== "RCPT";
  const attributes: readonly (readonly [name: string, value: string | number | null])[] = [
    ["request", "smtpd_access_policy"],
    ["protocol_state", state],
    ["protocol_name", session.protocol === "lmtp" ? "LMTP" : session.isExtended === false ? "SMTP" : "ESMTP"],
    ["client_address", remote.address],
    ["client_name", remote.hostname ?? "unknown"],
    ["client_port", remote.port],
    ["reverse_client_name", reverseName ?? "unknown"],
    ["server_address", local.address],
    ["server_port", local.port],
    ["helo_name", session.heloName],
    ["sender", envelope.reversePath === null ? "" : String(envelope.reversePath)],
    ["recipient", isWhole ? (named.length === 1 ? (named[0] ?? "") : "") : recipient],
    ["recipient_count", isWhole ? named.length : 0],
    ["queue_id", envelope.id],
    // The same for all questions about one message, and no other's.
    ["instance", `${session.id}.${envelope.id}`],
    ["size", sizeBytes ?? envelope.declaredSizeBytes ?? 0],
    ["etrn_domain", ""],
    ["stress", ""],
    ["sasl_method", identity?.mechanism ?? ""],
    ["sasl_username", identity?.login ?? ""],
    ["sasl_sender", ""],
    ...certificateOf(session),
    ["encryption_protocol", tls?.protocol ?? ""],
    ["encryption_cipher", tls?.cipher ?? ""],
    ["encryption_keysize", tls === null ? 0 : keyBits(tls.cipher)],
    ["policy_context", context],
  ];
  return `${attributes.map(([name, value]) => `${name}=${oneLine(String(value ?? ""))}\n`).join("")}\n`;
}

function certificateOf({ tls }: Session): readonly (readonly [string, string])[] {
  const certificate = tls?.clientCertificate ? readCertificate(tls.clientCertificate) : null;
  return [
    ["ccert_subject", tls?.isClientVerified ? (tls.clientName ?? "") : ""],
    ["ccert_issuer", tls?.isClientVerified ? (certificate?.issuer ?? "") : ""],
    ["ccert_fingerprint", certificate?.fingerprint ?? ""],
    ["ccert_pubkey_fingerprint", certificate?.keyFingerprint ?? ""],
  ];
}

interface ReadCertificate {
  readonly issuer: string;
  /** SHA-256, `AB:CD:...`. */
  readonly fingerprint: string;
  readonly keyFingerprint: string;
}

/** `null` for what is no certificate: the handshake has judged it, this only shows it. */
function readCertificate(der: Uint8Array): ReadCertificate | null {
  try {
    const certificate = new X509Certificate(der);
    const key = certificate.publicKey.export({ type: "spki", format: "der" });
    return {
      issuer: /(?:^|\n)CN=([^\n]*)/.exec(certificate.issuer)?.[1] ?? "",
      fingerprint: certificate.fingerprint256,
      keyFingerprint: withColons(createHash("sha256").update(key).digest("hex")),
    };
  } catch {
    return null;
  }
}

const withColons = (hex: string): string => hex.toUpperCase().match(/../g)?.join(":") ?? "";

const keyBits = (cipher: string): number => {
  if (/CHACHA20/i.test(cipher)) return 256;
  return Number(/AES[_-]?(128|256)/i.exec(cipher)?.[1] ?? 0);
};

/** A line end would begin an attribute of the client's own. */
const oneLine = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, "?").slice(0, 1_000);
