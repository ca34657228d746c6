/** XFORWARD: tells a content filter behind us for whom we speak. Only attributes that it takes are said. */
import type { Envelope } from "../contracts/envelope.ts";
import type { ForwardedClient } from "../contracts/session.ts";
import type { Features } from "./features.ts";
import { xtext } from "./xtext.ts";

// Each line has its 512 octets (RFC 5321 4.5.3.1.4), and a value its 255.
const LINE_LIMIT = 500;
const VALUE_LIMIT = 255;
const UNKNOWN = "[UNAVAILABLE]";

/** The client that a message came from; the first one, where somebody forwarded it to us in the same way. */
export function forwardedClient({ id, origin, session }: Pick<Envelope, "id" | "origin" | "session">): ForwardedClient {
  if (session?.forwarded) return session.forwarded;
  const source = origin === "smtp" || origin === "lmtp" ? "remote" : "local";
  if (session === null)
    return { name: null, address: null, port: null, protocol: null, heloName: null, ident: id, source };
  const { remote, heloName, protocol, isExtended } = session;
  const isUnix = remote.address === "unix";
  return {
    name: remote.hostname,
    address: isUnix ? null : remote.address,
    port: isUnix ? null : remote.port,
    protocol: protocol === "smtp" && isExtended !== false ? "ESMTP" : protocol.toUpperCase(),
    heloName,
    ident: id,
    source: isUnix ? "local" : source,
  };
}

export function xforwardCommands(forwarded: ForwardedClient, { xforward }: Features): readonly string[] {
  const { name, address, port, protocol, heloName, ident, source } = forwarded;
  const said: readonly (readonly [string, string])[] = [
    ["NAME", name ?? UNKNOWN],
    ["ADDR", address === null ? UNKNOWN : addressText(address)],
    ["PORT", port === null ? UNKNOWN : String(port)],
    ["PROTO", protocol ?? UNKNOWN],
    ["HELO", heloName ?? UNKNOWN],
    ["IDENT", ident ?? UNKNOWN],
    ["SOURCE", source === null ? UNKNOWN : source.toUpperCase()],
  ];
  const words = said
    .filter(([attribute]) => xforward.has(attribute))
    .map(([attribute, value]) => `${attribute}=${xtext(value).slice(0, VALUE_LIMIT).replace(/\+.?$/, "")}`);
  const lines: string[] = [];
  for (const word of words) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + word.length < LINE_LIMIT) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(`XFORWARD ${word}`);
  }
  return lines.map((line) => `${line}\r\n`);
}

const addressText = (address: string): string => (address.includes(":") ? `IPV6:${address}` : address);
