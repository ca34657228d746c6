/** What must not even be offered to a host, because it cannot take it; and in which form it can be sent. */
import type { RemoteReply } from "../contracts/delivery.ts";
import type { Recipient } from "../contracts/envelope.ts";
import type { OutboundEnvelope } from "../contracts/outbound.ts";
import { needsSmtpUtf8 } from "../mail/address.ts";
import { sevenBit } from "../mail/seven-bit/seven-bit.ts";
import { isInternational } from "./commands.ts";
import type { Content } from "./content.ts";
import type { Features } from "./features.ts";

export interface Sendable {
  readonly at: "sendable";
  readonly content: Content | null;
  readonly body: OutboundEnvelope["body"];
}
export interface Hindered {
  readonly at: "hindered";
  readonly reply: RemoteReply;
}

const hindered = (code: number, status: string, text: string, host: string): Hindered => ({
  at: "hindered",
  reply: { code, status, text, host },
});

export const noSmtpUtf8 = (host: string): RemoteReply =>
  // RFC 6531 3.2; RFC 3463, RFC 6531 4.3: X.6.7
  hindered(550, "5.6.7", "The next server takes no internationalized mail (SMTPUTF8)", host).reply;

/** RFC 6531 3.2: an alias may lead from a plain address to one that not every host can take. */
export const isBeyond = ({ address }: Recipient, features: Features): boolean =>
  needsSmtpUtf8(address) && !features.has("SMTPUTF8");

export function sendable(
  envelope: OutboundEnvelope,
  content: Content | null,
  features: Features,
  host: string,
): Sendable | Hindered | Promise<Sendable | Hindered> {
  if (isInternational(envelope) && !features.has("SMTPUTF8")) return { at: "hindered", reply: noSmtpUtf8(host) };
  if (content === null) return { at: "sendable", content, body: envelope.body };
  // RFC 3030 3: not to be sent as anything else; RFC 3463 3.7: X.6.3
  if (envelope.body === "binarymime" && !(features.has("CHUNKING") && features.has("BINARYMIME")))
    return hindered(554, "5.6.3", "The next server takes no binary mail (BINARYMIME)", host);
  if (envelope.body === "8bitmime" && !features.has("8BITMIME")) return converted(content, features, host);
  return fitting(content, envelope.body, features, host);
}

/** RFC 6152 3: re-encoded, or not sent at all. */
async function converted(content: Content, features: Features, host: string): Promise<Sendable | Hindered> {
  const made = await sevenBit(content);
  if (made.at === "impossible") {
    const text = `The next server takes no 8bit mail (8BITMIME), and this message cannot be made 7bit: ${made.reason}`;
    return hindered(554, "5.6.3", text, host);
  }
  if (made.at === "unchanged") return fitting(content, "7bit", features, host);
  return fitting({ ...made, inMemory: () => null }, "7bit", features, host);
}

// RFC 1870 6.1
function fitting(
  content: Content,
  body: Sendable["body"],
  { sizeLimitBytes }: Features,
  host: string,
): Sendable | Hindered {
  if (sizeLimitBytes === null || content.sizeBytes <= sizeLimitBytes) return { at: "sendable", content, body };
  const text = `The message is larger than the ${sizeLimitBytes} octets that the next server takes`;
  return hindered(552, "5.3.4", text, host);
}
