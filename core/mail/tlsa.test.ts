import { generateKeyPairSync } from "node:crypto";
import { expect, it } from "vitest";
import { tlsaText, usableTlsa } from "./tlsa.ts";

const record = (usage: number, selector: number, matchingType: number, length: number) => ({
  usage,
  selector,
  matchingType,
  data: new Uint8Array(length).fill(7),
});
const spki = new Uint8Array(
  generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ type: "spki", format: "der" }),
);

it.each([
  ["a digest of the host's key", record(3, 1, 1, 32), true],
  ["a strong digest of an authority", record(2, 0, 2, 64), true],
  ["a whole key", { usage: 3, selector: 1, matchingType: 0, data: spki }, true],
  ["PKIX-TA", record(0, 0, 1, 32), false],
  ["PKIX-EE", record(1, 1, 1, 32), false],
  ["a usage of later times", record(4, 1, 1, 32), false],
  ["a selector of later times", record(3, 2, 1, 32), false],
  ["a digest of later times", record(3, 1, 3, 32), false],
  ["a digest that is too short", record(3, 1, 1, 31), false],
  ["a strong digest that is a weak one", record(3, 1, 2, 32), false],
  ["something that is no certificate", record(3, 0, 0, 300), false],
  ["something that is no key", record(2, 1, 0, 91), false],
])("%s: %#", (_, tlsa, isUsable) => {
  expect(usableTlsa([tlsa])).toEqual(isUsable ? [tlsa] : []);
});

it("the stronger digest counts alone, among those that stand for the same", () => {
  const weak = record(3, 1, 1, 32);
  const strong = record(3, 1, 2, 64);
  const other = record(3, 0, 1, 32);
  const anchor = record(2, 1, 1, 32);
  expect(usableTlsa([weak, strong, other, anchor])).toEqual([strong, other, anchor]);
  expect(usableTlsa([weak, record(3, 1, 2, 63)])).toEqual([weak]);
});

it("is written as in a zone file", () => {
  expect(tlsaText(record(3, 1, 1, 2))).toBe("3 1 1 0707");
});
