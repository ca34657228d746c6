import { expect, it } from "vitest";
import { domainList } from "./domain-list.ts";

const list = domainList(["Example.net", ".below.example", "x.below.example", "bücher.example"]);

it.each([
  ["example.net", "Example.net"],
  ["sub.example.net", null],
  ["below.example", null],
  ["a.b.below.example", ".below.example"],
  ["x.below.example", "x.below.example"],
  ["notbelow.example", null],
  ["xn--bcher-kva.example", "bücher.example"],
  ["", null],
  ["[192.0.2.1]", null],
])("%s is covered by %s", (domain, entry) => expect(list.covers(domain)).toBe(entry));

it("covers nothing when it is empty", () => expect(domainList([]).covers("example.net")).toBeNull());

it.each(["", ".", "..", "a b", "*.example", "[192.0.2.1]", "-a.example"])("%j is no domain", (raw) =>
  expect(() => domainList([raw])).toThrow("is no domain"),
);
