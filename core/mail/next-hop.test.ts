import { describe, expect, it } from "vitest";
import { parseNextHop } from "./next-hop.ts";

describe("next hops", () => {
  it.each([
    ["example.org", { host: "example.org", port: null, usesMx: true }],
    ["Example.org:2525", { host: "example.org", port: 2525, usesMx: true }],
    ["[mail.example.org]", { host: "mail.example.org", port: null, usesMx: false }],
    ["[mail.example.org]:587", { host: "mail.example.org", port: 587, usesMx: false }],
    ["127.0.0.1:25", { host: "127.0.0.1", port: 25, usesMx: false }],
    ["[192.0.2.1]", { host: "192.0.2.1", port: null, usesMx: false }],
    ["[IPv6:2001:db8::1]:25", { host: "2001:db8::1", port: 25, usesMx: false }],
    ["B\u00fccher.example:26", { host: "xn--bcher-kva.example", port: 26, usesMx: true }],
    ["[2001:db8::1]", { host: "2001:db8::1", port: null, usesMx: false }],
  ])("reads %s", (raw, expected) => expect(parseNextHop(raw)).toEqual(expected));
  it.each([
    "",
    "[",
    "[]",
    "a b",
    "example.org:0",
    "example.org:70000",
    "exa\nmple.org",
    "[tag:x y]",
    "\u00e4/b",
    "\u00e4#b",
    "\ud800",
  ])("refuses %j", (raw) => expect(parseNextHop(raw)).toBeNull());
});
