/**
 * Asks one host whether it would take mail for an address: MAIL, RCPT, and nothing of a message. Never rejects.
 */
import type { Address, MailHost, Outbound, Recipient, RemoteReply } from "postern/plugin";

export interface SmtpQuestion {
  readonly outbound: Outbound;
  readonly host: MailHost;
  readonly port: number;
  /** `null`: the null reverse-path. */
  readonly probeSender: Address | null;
  readonly address: Address;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** `refused`: 5xx to RCPT, and to nothing else: a host that dislikes us says nothing about its users. */
export type SmtpAnswer =
  | { readonly at: "taken" }
  | { readonly at: "refused"; readonly reply: RemoteReply }
  /** `isSpoken`: the host has said so, and no other one is asked. */
  | { readonly at: "unknown"; readonly reason: string; readonly isSpoken: boolean };

const ASKED = 1;

export async function askHost({ outbound, host, ...question }: SmtpQuestion): Promise<SmtpAnswer> {
  const { port, probeSender, address, timeoutMs, signal } = question;
  const recipient: Recipient = { id: ASKED, address, orcpt: null, notify: new Set(), parents: [] };
  const result = await outbound.send({
    protocol: "smtp",
    place: { name: host.name, addresses: [host.address], port },
    // RFC 7435: nothing secret is asked, so encryption without a known certificate is good enough.
    tls: { level: "opportunistic" },
    envelope: { reversePath: probeSender, body: "7bit", isSmtpUtf8: false, requiresTls: false, ret: null, envid: null },
    recipients: [recipient],
    message: null,
    timeouts: stepsOf(timeoutMs),
    reuse: { maxUses: 1 },
    signal,
  });
  if (result.at !== "answered") return { at: "unknown", reason: said(result.reply), isSpoken: false };
  const answer = result.answers.get(ASKED);
  if (answer === undefined) return { at: "unknown", reason: `${host.name} said nothing`, isSpoken: false };
  const { reply, phase } = answer;
  if (reply.code < 300) return { at: "taken" };
  if (phase === "rcpt" && reply.code >= 500) return { at: "refused", reply };
  const verb = phase === "hello" ? "" : ` to ${phase.toUpperCase()}`;
  return { at: "unknown", reason: `${host.name} said${verb}: ${said(reply)}`, isSpoken: true };
}

const stepsOf = (timeoutMs: number) => ({
  connectMs: timeoutMs,
  greetingMs: timeoutMs,
  helloMs: timeoutMs,
  mailMs: timeoutMs,
  rcptMs: timeoutMs,
});

const said = ({ code, status, text }: RemoteReply): string =>
  [code, status, text].filter((word) => word !== null && word !== "").join(" ");
