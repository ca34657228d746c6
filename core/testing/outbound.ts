/** The client of SMTP and LMTP for tests, and requests to it. */
import type { Recipient } from "../contracts/envelope.ts";
import type { OutboundRequest, OutboundResult } from "../contracts/outbound.ts";
import { createOutbound, type OutboundClient } from "../outbound/outbound.ts";
import { silentLog } from "./kernel.ts";
import { addressOf, messageOf } from "./mail.ts";

export const testOutbound = (hostname = "us.example"): OutboundClient =>
  createOutbound({ hostname, clock: Date, log: silentLog });

export interface RequestOf extends Omit<Partial<OutboundRequest>, "recipients" | "message"> {
  readonly port?: number;
  readonly to?: readonly string[];
  /** `null`: only a question. */
  readonly content?: string | null;
  readonly message?: OutboundRequest["message"];
}

/** From ann@example.net in clear to a port of loopback, unless said otherwise. */
export function outboundRequest({
  port = 0,
  to = ["bob@example.org"],
  content,
  message,
  ...more
}: RequestOf): OutboundRequest {
  const recipients: readonly Recipient[] = to.map((text, index) => ({
    id: index + 1,
    address: addressOf(text),
    orcpt: null,
    notify: new Set(),
    parents: [],
  }));
  const text = content === undefined ? "Subject: x\r\n\r\n.dot\r\n" : content;
  return {
    protocol: "smtp",
    place: { name: "mx.example.org", addresses: ["127.0.0.1"], port },
    tls: { level: "none" },
    envelope: {
      reversePath: addressOf("ann@example.net"),
      body: "7bit",
      isSmtpUtf8: false,
      requiresTls: false,
      ret: null,
      envid: null,
    },
    recipients,
    message: message ?? (text === null ? null : messageOf(text)),
    signal: new AbortController().signal,
    ...more,
  };
}

/** `answered: bob 250 2.0.0 at end`, for each recipient, or `unreachable at mail: 421 4.3.2`. */
export function briefResult(result: OutboundResult): readonly string[] {
  const said = ({ code, status }: { code: number; status: string | null }) => `${code} ${status}`;
  if (result.at === "unreachable") return [`unreachable at ${result.phase}: ${said(result.reply)}`];
  const answers = [...result.answers].sort(([one], [other]) => one - other);
  const lines = answers.map(([id, { reply, phase }]) => `${id}: ${said(reply)} at ${phase}`);
  return result.at === "lost" ? [...lines, `lost: ${said(result.reply)}`] : lines;
}
