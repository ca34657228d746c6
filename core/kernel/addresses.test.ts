import { expect, it } from "vitest";
import { parseAddress, parsePath, withLocalPart } from "../mail/address.ts";
import { wholeAddress } from "./addresses.ts";

const ann = parseAddress("Ann@Example.org");
if (!ann) throw new TypeError("no address");

it("takes an address of the parser as it is, and nobody can have changed it", () => {
  expect(wholeAddress(ann)).toBe(ann);
  expect(() => Object.assign(ann, { domain: "elsewhere.example" })).toThrow(TypeError);
});

it.each([
  ["a plain object", { localPart: "Ann", domain: "Example.org" }, "Ann@example.org"],
  ["one that needs quotes", { localPart: "a b", domain: "example.org" }, '"a b"@example.org'],
  ["postmaster without a domain", { localPart: "postmaster", domain: "" }, "postmaster"],
  ["another local part", withLocalPart(ann, "bob"), "bob@example.org"],
])("makes %s whole", (_, value, text) => {
  expect(String(wholeAddress(value))).toBe(text);
});

it.each([
  ["nothing", null],
  ["a text", "ann@example.org"],
  ["no local part", { localPart: "", domain: "example.org" }],
  ["the empty local part of the parser", parseAddress('""@example.org')],
  ["a bare name of the parser", parsePath("<ann>", { bare: true })?.address],
  ["a domain that is none", { localPart: "ann", domain: "exa mple" }],
  ["a local part that is too long", withLocalPart(ann, "a".repeat(65))],
  ["a local part with a line end", withLocalPart(ann, "a\r\nb")],
])("refuses %s", (_, value) => {
  expect(wholeAddress(value)).toBeNull();
});
