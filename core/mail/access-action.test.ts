import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AccessAction, parseAccessAction } from "./access-action.ts";

const empty = { code: null, detail: null, text: null };

describe("actions of access(5)", () => {
  const table: readonly (readonly [string, object])[] = [
    ["DUNNO", { does: "dunno" }],
    ["dunno whatever stands behind", { does: "dunno" }],
    ["OK", { does: "ok" }],
    ["ok trusted since 2004", { does: "ok" }],
    ["RELAY", { does: "ok" }],
    ["permit", { does: "ok" }],
    ["20041105", { does: "ok" }],
    ["550", { does: "ok" }],
    ["REJECT", { does: "reject", isClosing: false, ...empty }],
    ["reject  Go away ", { does: "reject", isClosing: false, ...empty, text: "Go away" }],
    ["REJECT 5.7.25 No name", { does: "reject", isClosing: false, code: null, detail: "7.25", text: "No name" }],
    ["REJECT 4.1.8", { does: "reject", isClosing: false, code: null, detail: "1.8", text: null }],
    ["REJECT 5.07.1 x", { does: "reject", isClosing: false, ...empty, text: "5.07.1 x" }],
    ["REJECT 3.7.1 x", { does: "reject", isClosing: false, ...empty, text: "3.7.1 x" }],
    ["DEFER later", { does: "defer", isClosing: false, ...empty, text: "later" }],
    ["554 5.7.1 Spam", { does: "reject", isClosing: false, code: 554, detail: "7.1", text: "Spam" }],
    ["450 busy", { does: "defer", isClosing: false, code: 450, detail: null, text: "busy" }],
    ["421 4.7.0 Bye", { does: "defer", isClosing: true, code: 421, detail: "7.0", text: "Bye" }],
    ["521 no mail", { does: "reject", isClosing: true, code: 521, detail: null, text: "no mail" }],
    ["DEFER_IF_PERMIT 4.2.0 Greylisted", { does: "deferIfPermit", code: null, detail: "2.0", text: "Greylisted" }],
    ["defer_if_reject x", { does: "deferIfReject", ...empty, text: "x" }],
    ["DISCARD", { does: "discard", text: null }],
    ["DISCARD known junk", { does: "discard", text: "known junk" }],
    ["HOLD look at it", { does: "hold", text: "look at it" }],
    ["WARN hm", { does: "warn", text: "hm" }],
    ["info", { does: "info", text: null }],
    ["PREPEND X-Seen: yes: and no", { does: "prepend", header: "X-Seen", value: "yes: and no" }],
    ["PREPEND X-Seen:", { does: "prepend", header: "X-Seen", value: "" }],
    ["FILTER smtp:[127.0.0.1]:10025", { does: "filter", transport: "smtp", nextHop: "[127.0.0.1]:10025" }],
    ["FILTER scan:", { does: "filter", transport: "scan", nextHop: null }],
  ];
  it.each(table)("%s", (raw, expected) => {
    expect(parseAccessAction(raw)).toEqual(expected);
  });

  it.each([
    ["REDIRECT spam@Example.ORG", "redirect", "spam@example.org"],
    ["redirect <spam@example.org>", "redirect", "spam@example.org"],
    ["BCC copy@example.org", "bcc", "copy@example.org"],
  ])("%s", (raw, does, address) => {
    const action = parseAccessAction(raw) as Extract<AccessAction, { does: "redirect" | "bcc" }>;
    expect([action.does, String(action.address)]).toEqual([does, address]);
  });

  it("keeps control characters out of texts and headers", () => {
    expect(parseAccessAction("REJECT one\r\n250 two\u0000three")).toMatchObject({ text: "one 250 two three" });
    expect(parseAccessAction("PREPEND X-A: b\r\nX-C: d")).toMatchObject({ header: "X-A", value: "b X-C: d" });
  });
});

describe("what is no action", () => {
  it.each([
    ["", "no action"],
    ["  \t", "no action"],
    ["REJCT", '"REJCT" is no action'],
    ["permit_mynetworks, reject", "is no action"],
    ["250 fine", "250 is no code of a refusal"],
    ["600 x", "600 is no code"],
    ["PREPEND no field", "PREPEND takes a header field"],
    ["PREPEND", "PREPEND takes a header field"],
    ["REDIRECT somebody", "REDIRECT takes an address"],
    ["BCC", "BCC takes an address"],
    ["FILTER smtp", "FILTER takes transport:next-hop"],
    ["FILTER a b:c", "FILTER takes transport:next-hop"],
  ])("%j", (raw, said) => {
    expect(parseAccessAction(raw)).toContain(said);
  });

  it("never throws", () => {
    fc.assert(fc.property(fc.string(), (raw) => typeof parseAccessAction(raw) !== "undefined"));
    const words = fc.constantFrom("REJECT", "421", "PREPEND", "BCC", "FILTER", "5.7.1", "a@b.c", "x:", " ", "\r\n");
    fc.assert(fc.property(fc.array(words), (parts) => typeof parseAccessAction(parts.join(" ")) !== "undefined"));
  });
});
