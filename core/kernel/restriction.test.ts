import { describe, expect, it } from "vitest";
import { sessionOf } from "../testing/mail.ts";
import { exemptionOf, fillText, refuse } from "./restriction.ts";

describe("who is exempt", () => {
  const from = (address: string) => ({ remote: { address, port: 4321, hostname: null } });
  const login = { identity: { login: "ann@example.org" } };
  it.each([
    ["nobody by default", [], true, sessionOf(), false],
    ["a client in a network", ["192.0.2.0/24"], true, sessionOf(from("192.0.2.1")), true],
    ["not one beside it", ["192.0.2.0/24"], true, sessionOf(from("192.0.3.1")), false],
    ["an IPv6 network", ["2001:db8::/32"], true, sessionOf(from("2001:db8::5")), true],
    ["who has logged in", [], true, sessionOf(login), true],
    ["not who has logged in, where that does not count", [], false, sessionOf(login), false],
    ["LMTP", [], true, sessionOf({ protocol: "lmtp" }), true],
    ["a unix socket", [], true, sessionOf(from("unix")), true],
    ["mail without a session", [], true, null, true],
  ])("%s", (_, networks, authenticated, session, expected) => {
    expect(exemptionOf({ networks, authenticated })(session)).toBe(expected);
  });

  it("throws for what is no network", () => {
    expect(() => exemptionOf({ networks: ["10.0.0.1/8"], authenticated: true })).toThrow("did you mean 10.0.0.0/8?");
  });
});

describe("texts", () => {
  it.each([
    ["No mail from {client}", { client: "192.0.2.1" }, "No mail from 192.0.2.1"],
    ["{helo}", { helo: "x\r\n250 ok\u0000\u0085" }, "x 250 ok "],
    ["{unknown} {helo}", { helo: "{client}", client: "y" }, "{unknown} {client}"],
    ["{toString} {sender}", { sender: null }, "{toString} {sender}"],
    ["{helo}!", { helo: "a".repeat(1_000) }, `${"a".repeat(160)}!`],
  ])("%j with %j", (template, values, expected) => {
    expect(fillText(template, values as Record<string, string | null>)).toBe(expected);
  });

  it("stay below what one reply line can hold", () => {
    const all = { a: "x".repeat(500), b: "y".repeat(500), c: "z".repeat(500), d: "z".repeat(500) };
    expect(fillText("{a}{b}{c}{d}", all).length).toBe(480);
  });
});

it("takes a fault as gravely as it is told", () => {
  expect(refuse("defer", "x", { detail: "7.1" })).toEqual({ verdict: "defer", refusal: { text: "x", detail: "7.1" } });
  expect(refuse("reject", "x").verdict).toBe("reject");
  expect(refuse("reject", "x", { code: 504 }).refusal).toEqual({ text: "x", code: 504 });
  expect(refuse("defer", "x", { code: 504 }).refusal).toEqual({ text: "x" });
  expect(refuse("defer", "x", { code: 421, close: true }).refusal).toEqual({ text: "x", code: 421, close: true });
});
