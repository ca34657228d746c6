/** Version 1 of the PROXY protocol: one line of text (section 2.1). */
import { isIP } from "node:net";
import { inOneForm } from "../peer-address.ts";
import { bad, more, type ProxyStep } from "./header.ts";

export const VERSION_1_MARK = Buffer.from("PROXY ");

/** Section 2.1: the longest line, with its CRLF, has 107 octets. */
const LINE_LIMIT = 107;

// Exactly one space between the words, decimal ports without leading zeros.
const LINE = /^PROXY (TCP4|TCP6) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/;
const UNKNOWN = /^PROXY UNKNOWN(?: |$)/;

export function parseVersion1(octets: Buffer): ProxyStep {
  const end = octets.subarray(0, LINE_LIMIT).indexOf("\r\n");
  if (end < 0) return octets.length < LINE_LIMIT ? more : bad("a PROXY line longer than 107 octets");
  const line = octets.toString("latin1", 0, end);
  const length = end + 2;
  // "the receiver must ignore anything presented before the CRLF is found"
  if (UNKNOWN.test(line)) return { at: "header", header: { version: 1, ends: null, tls: null }, length };
  const [, family, source = "", destination = "", sourcePort, destinationPort] = LINE.exec(line) ?? [];
  const version = family === "TCP4" ? 4 : 6;
  if (family === undefined || isIP(source) !== version || isIP(destination) !== version) return bad("a bad PROXY line");
  const remote = { address: inOneForm(source), port: Number(sourcePort) };
  const local = { address: inOneForm(destination), port: Number(destinationPort) };
  if (remote.port > 65_535 || local.port > 65_535) return bad("a bad port in a PROXY line");
  return { at: "header", header: { version: 1, ends: { remote, local }, tls: null }, length };
}
