/**
 * One delivery over SMTP: the hosts of the next hop in their order, until each recipient has a final answer or no host is
 * left. A recipient that every host put off is deferred with the last answer.
 */
import { parseNextHop } from "postern/mail";
import type { Delivery, Envelope, MailHost, NextHops, Outcome, Recipient, RemoteReply } from "postern/plugin";
import { runTransaction, type TlsLevel, type TransactionRequest, type TransactionResult } from "./transaction.ts";

export interface RelayOptions {
  readonly hostname: string;
  readonly nextHops: Pick<NextHops, "hosts">;
  readonly port: number;
  readonly tls: TlsLevel | "implicit";
  readonly auth: TransactionRequest["auth"];
  /** The next hop that `auth` is for: a password goes nowhere else, whoever chose the route. */
  readonly authNextHop: string | null;
  readonly sourceAddress: string | null;
  readonly connectTimeoutMs: number;
  readonly replyTimeoutMs: number;
}

const misconfigured = (text: string): RemoteReply => ({ code: 451, status: "4.3.5", text, host: null });

export async function relay(delivery: Delivery, options: RelayOptions, signal: AbortSignal): Promise<void> {
  const settleAll = async (recipients: Iterable<Recipient>, outcome: Outcome) => {
    for (const recipient of recipients) await delivery.settle(recipient, outcome);
  };
  const nextHop = parseNextHop(delivery.route.nextHop ?? "");
  if (!nextHop) {
    return settleAll(delivery.recipients, {
      at: "deferred",
      reply: misconfigured(`No next hop: ${delivery.route.nextHop}`),
    });
  }
  const port = nextHop.port ?? options.port;
  const found = await options.nextHops.hosts({ ...nextHop, port }, signal);
  if (found.at !== "found") return settleAll(delivery.recipients, { at: found.at, reply: found.reply });

  const waiting = new Map(delivery.recipients.map((recipient) => [recipient.id, recipient]));
  let last: RemoteReply = misconfigured("No host was tried");
  const withoutTls: string[] = [];
  for (const host of found.hosts) {
    if (waiting.size === 0 || signal.aborted) break;
    const result = await tryHost(host, port, delivery, [...waiting.values()], options, signal);
    if (result.at !== "answered") last = result.reply;
    if (result.at === "lost") break; // the host may have taken it: whoever tries elsewhere now sends it twice
    if (result.at === "unreachable") {
      if (result.isTlsFault) withoutTls.push(host.name);
      continue;
    }
    for (const recipient of [...waiting.values()]) {
      const reply = result.replies.get(recipient.id) ?? last;
      last = reply;
      if (reply.code >= 300 && !isPermanent(reply)) continue; // RFC 5321 5.1: put off, another host may take it
      waiting.delete(recipient.id);
      await delivery.settle(recipient, outcomeOf(reply, result.isDsnPassedOn));
    }
  }
  // RFC 8689 4.2.1: where every host was seen, and none of them can keep the promise, the message goes back
  const isHopeless = delivery.envelope.requiresTls && withoutTls.length === found.hosts.length;
  await settleAll(
    waiting.values(),
    isHopeless ? { at: "failed", reply: noRequireTls(withoutTls) } : { at: "deferred", reply: last },
  );
}

const noRequireTls = (hosts: readonly string[]): RemoteReply => ({
  code: 550,
  status: "5.7.30",
  text: `REQUIRETLS: none of the next servers takes it over TLS with a certificate that fits (${hosts.slice(0, 5).join(", ")})`,
  host: null,
});

async function tryHost(
  host: MailHost,
  port: number,
  delivery: Delivery,
  recipients: readonly Recipient[],
  options: RelayOptions,
  signal: AbortSignal,
): Promise<TransactionResult> {
  const request: TransactionRequest = {
    ...options,
    tls: tlsLevel(delivery.envelope, options.tls),
    auth: delivery.route.nextHop === options.authNextHop ? options.auth : null,
    host,
    port,
    envelope: delivery.envelope,
    recipients,
    sizeBytes: delivery.message.sizeBytes,
    content: () => delivery.message.content(),
    signal,
  };
  const result = await runTransaction(request);
  const isRepeatable =
    result.at === "unreachable" &&
    result.isTlsFault &&
    options.tls === "opportunistic" &&
    !delivery.envelope.requiresTls;
  // RFC 3207 4.1: where encryption is no condition, a handshake that fails does not keep the mail back
  return isRepeatable ? runTransaction({ ...request, tls: "none" }) : result;
}

/** RFC 8689 4.2.1: REQUIRETLS asks for a certificate that fits, whatever the transport is content with. */
const tlsLevel = ({ requiresTls }: Envelope, configured: RelayOptions["tls"]): RelayOptions["tls"] =>
  requiresTls && configured !== "implicit" ? "verified" : configured;

function outcomeOf(reply: RemoteReply, isDsnPassedOn: boolean): Outcome {
  return isPermanent(reply) ? { at: "failed", reply } : { at: "relayed", reply, isDsnPassedOn };
}

const isPermanent = (reply: RemoteReply): boolean => reply.code >= 500;
