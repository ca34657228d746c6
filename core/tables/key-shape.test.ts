import fc from "fast-check";
import { expect, it } from "vitest";
import type { Table } from "../contracts/tables.ts";
import { parseAddress } from "../mail/address.ts";
import { addressKeys, domainKeys } from "./address-keys.ts";
import { find } from "./find.ts";
import { shapeOf, shapesOf, wantsOf } from "./key-shape.ts";

it.each([
  ["user@example.org", "address"],
  ['"a@b"@example.org', "address"],
  ["user@", "local@"],
  ["@example.org", "@domain"],
  [".example.org", ".domain"],
  ["example.org", "name"],
  ["user", "name"],
  ["[192.0.2.1]", "name"],
  ["<>", "name"],
  ["*", "name"],
  ["", "name"],
] as const)("%j has the shape %s", (key, shape) => {
  expect(shapeOf(key)).toBe(shape);
});

const rules = { recipientDelimiter: "+", isLocal: (domain: string) => domain === "b.example" };
const orders = ["virtual", "access", "transport"] as const;
const tableOf = (entries: ReadonlyMap<string, string>): Table => ({ get: (key) => entries.get(key) ?? null });
const telling = (entries: ReadonlyMap<string, string>): Table => {
  const shapes = shapesOf(entries.keys());
  return { ...tableOf(entries), keyShapes: () => shapes };
};

const localPart = fc.constantFrom("a", "A", "a+x", '"a b"', '"a@b"', '"@a"', '".a"', '"a@"', "postmaster", '"a b+x"');
const domain = fc.constantFrom(
  "b.example",
  "a.b.example",
  "example",
  "[192.0.2.1]",
  "xn--bcher-kva.example",
  "c.bücher.example",
);
const name = fc.oneof(
  domain,
  fc.constantFrom("a@b", "@b.example", ".example", "a..example", "example.", "a@.example", "b@"),
);

/** Some of the keys under which anything may be asked for, and some that nobody asks for. */
const tables = fc.record({ seed: fc.nat(), chance: fc.integer({ min: 1, max: 6 }) });
const someOf = (keys: readonly string[], { seed, chance }: { seed: number; chance: number }) =>
  new Map(
    keys.flatMap((key, index) => ((seed + index * 7919) % chance === 0 ? [[key.toLowerCase(), `${index}`]] : [])),
  );

it("finds for an address what is found when every key is asked for", () => {
  fc.assert(
    fc.property(localPart, domain, fc.constantFrom(...orders), tables, (local, host, order, which) => {
      const address = parseAddress(`${local}@${host}`);
      if (!address) throw new TypeError(`${local}@${host}`);
      const keys = addressKeys(address, order, rules);
      const entries = someOf(
        keys.map(({ key }) => key),
        which,
      );
      const told = [telling(entries)];
      expect(find(told, addressKeys(address, order, rules, wantsOf(told)))).toEqual(find([tableOf(entries)], keys));
    }),
  );
});

it("finds for a name what is found when every key is asked for", () => {
  fc.assert(
    fc.property(name, tables, (host, which) => {
      const keys = domainKeys(host);
      const entries = someOf(
        keys.map(({ key }) => key),
        which,
      );
      const told = [telling(entries)];
      expect(find(told, domainKeys(host, wantsOf(told)))).toEqual(find([tableOf(entries)], keys));
    }),
  );
});

it("asks for everything where one of several tables cannot tell what it has", () => {
  const address = parseAddress("a@b.example");
  const silent: Table = { get: (key) => (key === "a@" ? "found" : null) };
  const asked = [telling(new Map([["c@b.example", "x"]])), silent];
  expect(find(asked, addressKeys(address, "access", rules, wantsOf(asked)))).toMatchObject({ key: "a@" });
});

it("asks a table of patterns for the whole alone", () => {
  const asked: Table[] = [{ kind: "pattern", get: () => null }];
  expect(addressKeys(parseAddress("a@b.example"), "access", rules, wantsOf(asked))).toHaveLength(1);
});
