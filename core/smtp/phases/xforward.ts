/**
 * XFORWARD (Postfix's XFORWARD_README): a content filter or relay that the operator trusts says where the message came from in
 * the first place, for the log and the trace. It holds until the end of the transaction and changes nothing else.
 */
import type { ForwardedClient } from "../../contracts/session.ts";
import { type Attributes, parseAttributes, parseClientAddress, parseHostName, parsePort } from "../attributes.ts";
import type { Answer, Conversation } from "../conversation.ts";
import { badAttributes, inTransaction, notTrusted, ok } from "../replies.ts";

const NAMES = ["NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE"] as const;
export const XFORWARD_KEYWORD = `XFORWARD ${NAMES.join(" ")}`;

export const mayXforward = ({ parts, peerAddress }: Conversation): boolean =>
  parts.config.peers.xforward.includes(peerAddress);

const unsaid: ForwardedClient = {
  name: null,
  address: null,
  port: null,
  protocol: null,
  heloName: null,
  ident: null,
  source: null,
};

export function xforward(conversation: Conversation, argument: string): Answer {
  if (!mayXforward(conversation)) return notTrusted;
  if (conversation.transaction !== null) return inTransaction;
  const attributes = parseAttributes(argument, NAMES);
  const { session } = conversation;
  // Several commands say more than one line has room for.
  const forwarded = attributes && merged(session.forwarded ?? unsaid, attributes);
  if (forwarded === null) return badAttributes;
  session.forwarded = forwarded;
  return ok;
}

function merged(known: ForwardedClient, said: Attributes<(typeof NAMES)[number]>): ForwardedClient | null {
  const client: { -readonly [K in keyof ForwardedClient]: ForwardedClient[K] } = { ...known };
  for (const [name, value] of said) {
    const isRight = value === null ? forget(client, name) : note(client, name, value);
    if (!isRight) return null;
  }
  return client;
}

type Draft = { -readonly [K in keyof ForwardedClient]: ForwardedClient[K] };

const fields = {
  NAME: "name",
  ADDR: "address",
  PORT: "port",
  PROTO: "protocol",
  HELO: "heloName",
  IDENT: "ident",
  SOURCE: "source",
} as const satisfies Record<(typeof NAMES)[number], keyof ForwardedClient>;

function forget(client: Draft, name: (typeof NAMES)[number]): true {
  client[fields[name]] = null;
  return true;
}

function note(client: Draft, name: (typeof NAMES)[number], value: string): boolean {
  switch (name) {
    case "NAME":
      client.name = parseHostName(value);
      return client.name !== null;
    case "ADDR":
      client.address = parseClientAddress(value);
      return client.address !== null;
    case "PORT":
      client.port = parsePort(value);
      return client.port !== null;
    case "SOURCE": {
      const source = value.toLowerCase();
      client.source = source === "local" || source === "remote" ? source : null;
      return client.source !== null;
    }
    default:
      client[fields[name]] = value;
      return true;
  }
}
