import type { OutboundLogin } from "postern/plugin";
import { expect, it } from "vitest";
import { loginsFor } from "./logins.ts";

const own = { nextHop: "[smarthost.example]:587", login: { username: "me", password: "own" } };
const table = (entries: Readonly<Record<string, string>>) => ({ get: (key: string) => entries[key] ?? null });

it("gives the smarthost's password to routes to it, and to nobody else", async () => {
  const loginFor = loginsFor({ own, tables: [], mechanisms: [] });
  expect(await loginFor("smarthost.example", "[smarthost.example]:587")).toEqual(own.login);
  expect(await loginFor("smarthost.example", "[smarthost.example]")).toBe(null);
  expect(await loginFor("smarthost.example", "smarthost.example")).toBe(null);
  expect(await loginFor("mx.example.org", "example.org")).toBe(null);
});

it.each<[string, string, Readonly<Record<string, string>>, OutboundLogin | null]>([
  ["MX.example.org", "example.org", { "mx.example.org": "a:b:c" }, { username: "a", password: "b:c" }],
  ["mx.example.org", "example.org", { "example.org": "a:b" }, { username: "a", password: "b" }],
  ["x", "[mail.example.org]:587", { "[mail.example.org]:587": "a:b" }, { username: "a", password: "b" }],
  ["x", "[mail.example.org]:587", { "[mail.example.org]": "a:b" }, { username: "a", password: "b" }],
  ["x", "[mail.example.org]:587", { "mail.example.org": "a:b" }, null],
  ["x", "example.org:26", { "example.org": "a:b" }, { username: "a", password: "b" }],
])("asks tables for %s and %s in %j", async (host, nextHop, entries, expected) => {
  expect(await loginsFor({ own: null, tables: [table(entries)], mechanisms: [] })(host, nextHop)).toEqual(expected);
});

it("rejects what is no login, so that the mail waits", async () => {
  const loginFor = loginsFor({ own: null, tables: [table({ x: "nothing" })], mechanisms: [] });
  await expect(loginFor("x", "x")).rejects.toThrow("not like login:password");
});
