/**
 * One delivery over LMTP (RFC 2033): the server answers for each recipient, and each gets its own outcome. Without an answer a recipient is put
 * off. Never throws but for a settlement that fails.
 */
import type {
  Delivery,
  NextHops,
  Outbound,
  OutboundLogin,
  OutboundPlace,
  OutboundRequest,
  OutboundResult,
  Outcome,
  RemoteReply,
  TlsLevel,
} from "postern/plugin";
import { parseDestination } from "./destination.ts";

export interface HandOverOptions {
  readonly outbound: Outbound;
  readonly nextHops: Pick<NextHops, "hosts">;
  /** Where a route names no next hop. */
  readonly usual: string | null;
  /** For hosts; within a unix socket nobody can listen. */
  readonly tls: TlsLevel;
  readonly ca: readonly string[] | null;
  readonly login: OutboundLogin | null;
  readonly isForwarding: boolean;
  readonly conversation: Pick<OutboundRequest, "timeouts" | "reuse">;
}

const deferred = (reply: RemoteReply): Outcome => ({ at: "deferred", reply, speaksOf: "destination" });
const misconfigured = (text: string): RemoteReply => ({ code: 451, status: "4.3.5", text, host: null });

export async function handOver(delivery: Delivery, options: HandOverOptions, signal: AbortSignal): Promise<void> {
  const raw = delivery.route.nextHop ?? options.usual ?? "";
  const found = await placesOf(raw, options, signal);
  if (found.at === "deferred") {
    for (const recipient of delivery.recipients) await delivery.settle(recipient, deferred(found.reply));
    return;
  }
  let last: Outcome = deferred(misconfigured("No LMTP server was tried"));
  const open = new Map(delivery.recipients.map((recipient) => [recipient.id, recipient]));
  for (const place of found.places) {
    if (open.size === 0 || signal.aborted) break;
    const recipients = [...open.values()];
    const result = await options.outbound.send({ ...requestOf(delivery, place, options), recipients, signal });
    for (const recipient of recipients) {
      const outcome = outcomeOf(result, recipient.id);
      if (outcome === null) continue;
      open.delete(recipient.id);
      await delivery.settle(recipient, outcome);
    }
    if (result.at !== "answered") last = deferred(result.reply);
    // The server has spoken, or may have the message.
    if (result.at !== "unreachable") break;
  }
  for (const recipient of open.values()) await delivery.settle(recipient, last);
}

type Places =
  | { readonly at: "found"; readonly places: readonly OutboundPlace[] }
  | { readonly at: "deferred"; readonly reply: RemoteReply };

async function placesOf(raw: string, { nextHops }: HandOverOptions, signal: AbortSignal): Promise<Places> {
  const destination = parseDestination(raw);
  if (destination === null) return { at: "deferred", reply: misconfigured(`No LMTP server: ${raw}`) };
  if (destination.at === "unix") return { at: "found", places: [{ name: "localhost", path: destination.path }] };
  const { host, port } = destination;
  // RFC 2033 gives LMTP no MX records.
  const found = await nextHops.hosts({ host, port, usesMx: false }, signal);
  // A host that somebody wrote down and that is not there is his mistake, not the recipient's.
  if (found.at !== "found") return { at: "deferred", reply: { ...found.reply, code: 451, status: "4.4.3" } };
  return { at: "found", places: [{ name: host, addresses: found.hosts.map(({ address }) => address), port }] };
}

function requestOf(
  { envelope, message }: Delivery,
  place: OutboundPlace,
  { tls, ca, login, isForwarding, conversation }: HandOverOptions,
): Omit<OutboundRequest, "recipients" | "signal"> {
  const { reversePath, body, isSmtpUtf8, requiresTls, ret, envid } = envelope;
  const isWithinMachine = "path" in place || place.addresses.every((one) => one === "::1" || one.startsWith("127."));
  // RFC 8689 speaks of SMTP between servers: the last step needs no promise, but nobody may listen to it.
  const level = requiresTls && !isWithinMachine && tls !== "implicit" ? "verified" : tls;
  return {
    ...conversation,
    protocol: "lmtp",
    place,
    tls: { level: "path" in place ? "none" : level, ...(ca !== null && { ca }) },
    login,
    forwards: isForwarding ? envelope : null,
    envelope: { reversePath, body, isSmtpUtf8, requiresTls: false, ret, envid },
    message,
  };
}

/** `null`: nothing was said of it. */
function outcomeOf(result: OutboundResult, id: number): Outcome | null {
  const answer = result.at === "unreachable" ? undefined : result.answers.get(id);
  if (answer === undefined) return null;
  const { reply, phase } = answer;
  const isDsnPassedOn = result.at === "answered" && result.isDsnPassedOn;
  if (reply.code < 300) return { at: "delivered", reply, isDsnPassedOn };
  const at = reply.code >= 500 ? "failed" : "deferred";
  if (reply.code === 421) return { at, reply, speaksOf: "destination" };
  // After the content LMTP answers for each recipient (RFC 2033 4.2).
  return { at, reply, speaksOf: phase === "rcpt" || phase === "end" ? "recipient" : "message" };
}
