import { expect, it } from "vitest";
import { parseDestination } from "./destination.ts";

it.each([
  ["unix:/run/dovecot/lmtp", { at: "unix", path: "/run/dovecot/lmtp" }],
  ["unix:private/lmtp", null],
  ["unix:", null],
  ["[127.0.0.1]:2424", { at: "host", host: "127.0.0.1", port: 2424 }],
  ["[::1]:24", { at: "host", host: "::1", port: 24 }],
  ["inet:mail.example.org:124", { at: "host", host: "mail.example.org", port: 124 }],
  ["mail.example.org", { at: "host", host: "mail.example.org", port: 24 }],
  ["mail.example.org:0", null],
  ["two words", null],
  ["", null],
])("%s is %j", (raw, expected) => {
  expect(parseDestination(raw)).toEqual(expected);
});
