/** Sessions, envelopes and messages for tests of hooks, without a socket. */
import { createEnvelope, type EnvelopeInit, type EnvelopeState } from "../kernel/envelope.ts";
import { createMessage, type StoredMessage } from "../kernel/message.ts";
import { createSession, type SessionInit, type SessionState } from "../kernel/session.ts";
import { type Address, parseAddress } from "../mail/address.ts";
import { headerEnd } from "../mail/header.ts";

/** A client at 192.0.2.1 on the MX, unless said otherwise. */
export function sessionOf(init: Partial<SessionInit> = {}): SessionState {
  return createSession({
    id: "S1",
    protocol: "smtp",
    listener: { name: "mx-25", role: "mx" },
    local: { address: "198.51.100.1", port: 25 },
    remote: { address: "192.0.2.1", port: 40_000, hostname: null },
    ...init,
  });
}

/** Throws for what is no address. */
export function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (!address) throw new TypeError(`${text} is no address`);
  return address;
}

export interface EnvelopeOfInit extends Partial<Omit<EnvelopeInit, "reversePath">> {
  /** `null`: the null sender. */
  readonly from?: string | null;
  readonly to?: readonly string[];
}

/** From bob@example.net, over a session of `sessionOf()`, unless said otherwise. */
export function envelopeOf({ from = "bob@example.net", to = [], ...init }: EnvelopeOfInit = {}): EnvelopeState {
  const reversePath = from === null ? null : addressOf(from);
  const envelope = createEnvelope({ id: "E1", origin: "smtp", session: sessionOf(), reversePath, ...init });
  for (const address of to) envelope.addRecipient({ address: addressOf(address) });
  return envelope;
}

/** A message from its text; any line end becomes CRLF. */
export function messageOf(text: string): StoredMessage {
  const bytes = Buffer.from(text.replaceAll(/\r\n|\n/g, "\r\n"));
  const end = headerEnd(bytes);
  return end === -1 ? createMessage(bytes, []) : createMessage(bytes.subarray(0, end), [bytes.subarray(end)]);
}
