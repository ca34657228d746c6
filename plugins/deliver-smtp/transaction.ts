/**
 * One SMTP transaction with one host: connect, TLS, AUTH, envelope, content. Never rejects; answers what the host said of
 * each recipient, or why there was no conversation. nodemailer's connection does the talking.
 */
import type { Readable } from "node:stream";
import { needsSmtpUtf8, parseReply } from "postern/mail";
import type { Envelope, MailHost, Recipient, RemoteReply } from "postern/plugin";
import { needsChunks } from "./parameters.ts";
import { SmtpClient, type SmtpClientError } from "./smtp-client.ts";

export type TlsLevel = "none" | "opportunistic" | "required" | "verified";

export interface TransactionRequest {
  readonly host: MailHost;
  readonly port: number;
  readonly hostname: string;
  readonly tls: TlsLevel | "implicit";
  readonly auth: { readonly login: string; readonly password: string } | null;
  readonly sourceAddress: string | null;
  readonly connectTimeoutMs: number;
  readonly replyTimeoutMs: number;
  readonly envelope: Envelope;
  readonly recipients: readonly Recipient[];
  readonly sizeBytes: number;
  /** Called once, when the content is wanted. */
  readonly content: () => Readable;
  readonly signal: AbortSignal;
}

export type TransactionResult =
  /** The conversation took place: one reply for each recipient. */
  | { readonly at: "answered"; readonly replies: ReadonlyMap<number, RemoteReply>; readonly isDsnPassedOn: boolean }
  /** No transaction: another host may be tried. */
  | { readonly at: "unreachable"; readonly reply: RemoteReply; readonly isTlsFault: boolean }
  /** The content had been sent, or part of it, and no answer came: nobody else may be tried now. */
  | { readonly at: "lost"; readonly reply: RemoteReply };

export async function runTransaction(request: TransactionRequest): Promise<TransactionResult> {
  const client = new SmtpClient(request);
  const abort = () => client.destroy();
  request.signal.addEventListener("abort", abort, { once: true });
  try {
    return await converse(client, request);
  } finally {
    request.signal.removeEventListener("abort", abort);
    client.close();
  }
}

async function converse(client: SmtpClient, request: TransactionRequest): Promise<TransactionResult> {
  const { host, envelope } = request;
  const opened = await client.open();
  if (opened) return { at: "unreachable", reply: replyOf(opened, host), isTlsFault: opened.isTlsFault };
  // RFC 8689 4.2.1: another host of the same domain may
  if (envelope.requiresTls && !client.supports("REQUIRETLS")) {
    const reply = { code: 550, status: "5.7.30", text: "The next server does not support REQUIRETLS", host: host.name };
    return { at: "unreachable", reply, isTlsFault: true };
  }
  const refusal = refusalBeforehand(client, request);
  if (refusal) return all(request.recipients, refusal);
  // RFC 6531 3.2: an alias may lead from a plain address to one that not every host can take
  const takesUtf8 = client.supports("SMTPUTF8");
  const recipients = request.recipients.filter(({ address }) => takesUtf8 || !needsSmtpUtf8(address));
  if (recipients.length === 0) return all(request.recipients, noSmtpUtf8(host));
  const sent = await client.send(envelope, recipients, { sizeBytes: request.sizeBytes, content: request.content });
  if (sent.error && !sent.error.response) {
    const reply = replyOf(sent.error, host);
    return sent.isContentBegun ? { at: "lost", reply } : { at: "unreachable", reply, isTlsFault: false };
  }
  const read = parseReply(sent.error?.response ?? sent.response ?? "", host.name);
  // An error that quotes a success is no success.
  const isUsable = read !== null && (sent.error === null || read.code >= 400);
  const said = isUsable ? read : noReply(host, "the reply could not be read");
  const replies = new Map(
    recipients.map((recipient, index) => [recipient.id, parseReply(sent.rejected.get(index) ?? "", host.name) ?? said]),
  );
  for (const { id } of request.recipients) if (!replies.has(id)) replies.set(id, noSmtpUtf8(host));
  return { at: "answered", replies, isDsnPassedOn: client.supports("DSN") };
}

/** What must not even be offered to this host. */
function refusalBeforehand(client: SmtpClient, { envelope, host, sizeBytes }: TransactionRequest): RemoteReply | null {
  // RFC 6531 3.2; RFC 3463, RFC 6531 4.3: X.6.7
  const isInternational = envelope.isSmtpUtf8 || (envelope.reversePath !== null && needsSmtpUtf8(envelope.reversePath));
  if (isInternational && !client.supports("SMTPUTF8")) {
    return noSmtpUtf8(host);
  }
  // RFC 3030 3: not to be sent as anything else; RFC 3463 3.7: X.6.3
  if (needsChunks(envelope) && !(client.supports("CHUNKING") && client.supports("BINARYMIME"))) {
    return { code: 554, status: "5.6.3", text: "The next server takes no binary mail (BINARYMIME)", host: host.name };
  }
  // RFC 1870 6.1
  if (client.sizeLimitBytes !== null && sizeBytes > client.sizeLimitBytes) {
    return {
      code: 552,
      status: "5.3.4",
      text: `The message is larger than the ${client.sizeLimitBytes} octets that the next server takes`,
      host: host.name,
    };
  }
  return null;
}

const noSmtpUtf8 = (host: MailHost): RemoteReply => ({
  code: 550,
  status: "5.6.7",
  text: "The next server takes no internationalized mail (SMTPUTF8)",
  host: host.name,
});

const all = (recipients: readonly Recipient[], reply: RemoteReply): TransactionResult => ({
  at: "answered",
  replies: new Map(recipients.map(({ id }) => [id, reply])),
  isDsnPassedOn: false,
});

const replyOf = (error: SmtpClientError, host: MailHost): RemoteReply =>
  parseReply(error.response ?? "", host.name) ?? noReply(host, error.reason);

// RFC 3463 3.5: X.4.2 bad connection
const noReply = (host: MailHost, reason: string): RemoteReply => ({
  code: 451,
  status: "4.4.2",
  text: `The conversation with ${host.name} failed: ${reason}`,
  host: null,
});
