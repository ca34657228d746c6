import { expect, it } from "vitest";
import { parseHelo } from "./helo-name.ts";

it.each([
  ["mail.example.net", "mail.example.net"],
  ["MAIL.Example.NET.", "mail.example.net"],
  ["localhost", "localhost"],
  ["under_score.example.net", "under_score.example.net"],
  ["xn--bcher-kva.example", "xn--bcher-kva.example"],
])("%s is a name", (raw, name) => expect(parseHelo(raw)).toEqual({ at: "name", name }));

it.each([
  ["[192.0.2.1]", "192.0.2.1"],
  ["[192.0.2.1]", "::ffff:192.0.2.1"],
  ["[IPv6:2001:DB8::1]", "2001:db8:0::1"],
  ["[ipv6:2001:db8::1]", "2001:db8::1"],
])("%s is the literal of %s", (raw, address) => {
  const parsed = parseHelo(raw);
  expect(parsed.at === "literal" && parsed.isOf(address) && !parsed.isOf("192.0.2.2") && !parsed.isOf("unix")).toBe(
    true,
  );
});

it.each([
  "192.0.2.1",
  "127.1",
  "2001:db8::1",
  "[192.0.2.300]",
  "[192.0.2.1",
  "[2001:db8::1]",
  "[IPv6:192.0.2.1]",
  "[x]",
  "[]",
  "-a.example",
  "a..example",
  "a.example..",
  ".",
  "a@b.example",
  `${"a".repeat(64)}.example`,
])("%s is neither", (raw) => expect(parseHelo(raw)).toEqual({ at: "invalid" }));
