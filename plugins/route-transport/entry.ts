/**
 * What stands behind a key of transport(5): `transport:nexthop`, `:nexthop`, `transport:`, `:`. Pure; what is none is a `fault` in words.
 */
import { parseNextHop } from "postern/mail";

export type Entry =
  /** `nextHop`: `null` is the recipient's domain. */
  | { readonly at: "route"; readonly transport: string; readonly nextHop: string | null }
  /** As if the entry did not exist, nor those below it. */
  | { readonly at: "usual" }
  | { readonly at: "local" }
  | { readonly at: "discard"; readonly text: string }
  | { readonly at: "error" | "retry"; readonly status: string | null; readonly text: string }
  | { readonly at: "fault"; readonly reason: string };

/** Postfix's clients for SMTP are one transport here, its ways into mailboxes another. */
const SAME: Readonly<Record<string, string>> = { relay: "smtp", virtual: "local" };
/** services(5); ports in numbers need no table. */
const PORTS: Readonly<Record<string, string>> = {
  smtp: "25",
  lmtp: "24",
  submission: "587",
  submissions: "465",
  smtps: "465",
};

/** `known`: transports that somebody here delivers. */
export function parseEntry(value: string, known: ReadonlySet<string>): Entry {
  const text = value.trim();
  const colon = text.indexOf(":");
  if (colon < 0) return { at: "fault", reason: `${JSON.stringify(text)} has no colon; expected transport:nexthop` };
  const written = text.slice(0, colon).trim();
  const rest = text.slice(colon + 1).trim();
  if (written === "" && rest === "") return { at: "usual" };
  const transport = written === "" ? "smtp" : (SAME[written] ?? written);
  switch (transport) {
    case "error":
    case "retry": {
      const [, status = null, said = ""] = /^([245]\.\d{1,3}\.\d{1,3})?\s*(.*)$/s.exec(rest) ?? [];
      return { at: transport, status, text: said };
    }
    case "discard":
      return { at: "discard", text: rest };
    case "local":
      return known.has("local") ? { at: "local" } : unknown(transport, known);
    case "smtp":
      return known.has(transport) ? hopped(transport, rest) : unknown(transport, known);
    case "lmtp":
      if (!known.has(transport)) return unknown(transport, known);
      return rest.startsWith("unix:/")
        ? { at: "route", transport, nextHop: rest }
        : hopped(transport, rest.replace(/^inet:/, ""));
    default:
      if (!known.has(transport)) return unknown(transport, known);
      return { at: "route", transport, nextHop: rest === "" ? null : rest };
  }
}

function hopped(transport: string, rest: string): Entry {
  if (rest === "") return { at: "route", transport, nextHop: null };
  const nextHop = rest.replace(/:([a-z]+)$/, (whole, name: string) => (PORTS[name] ? `:${PORTS[name]}` : whole));
  return parseNextHop(nextHop)
    ? { at: "route", transport, nextHop }
    : { at: "fault", reason: `${JSON.stringify(rest)} is no next hop; expected like [10.0.0.5]:25` };
}

const unknown = (transport: string, known: ReadonlySet<string>): Entry => ({
  at: "fault",
  reason: `there is no transport ${JSON.stringify(transport)}; there are ${[...known, "discard", "error", "retry"].join(", ")} (transports)`,
});
