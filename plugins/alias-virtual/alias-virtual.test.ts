import { parseAddress } from "postern/mail";
import { tablesOf } from "postern/testing";
import { describe, expect, it } from "vitest";
import { parseTargets } from "./targets.ts";

const tables = tablesOf({ origin: "example.org" });

async function expand(
  raw: string,
  entries: Record<string, string>,
): Promise<{ to: string[]; mistakes: readonly string[] } | null> {
  const address = parseAddress(raw);
  if (!address) throw new Error(`no address: ${raw}`);
  const match = await tables.findAddress([{ get: (key) => entries[key] ?? null }], address, "virtual");
  if (!match) return null;
  const { addresses, mistakes } = parseTargets(address, match, "example.org");
  return { to: addresses.map(String), mistakes };
}

describe("virtual(5) order and results", () => {
  it.each([
    ["the whole address", "a@example.net", { "a@example.net": "b@example.net" }, ["b@example.net"]],
    ["case is folded", "A@Example.NET", { "a@example.net": "b@example.net" }, ["b@example.net"]],
    [
      "several targets, commas or spaces",
      "a@example.net",
      { "a@example.net": "b@x.example, c@x.example d@x.example" },
      ["b@x.example", "c@x.example", "d@x.example"],
    ],
    [
      "the extension before the bare address",
      "a+x@example.net",
      { "a+x@example.net": "one", "a@example.net": "two" },
      ["one@example.org"],
    ],
    [
      "an extension goes on to the target",
      "a+x@example.net",
      { "a@example.net": "b@example.net" },
      ["b+x@example.net"],
    ],
    [
      "an extension that needs quotes",
      '"a+x \\"y"@example.net',
      { "a@example.net": "b@example.net" },
      ['"b+x \\"y"@example.net'],
    ],
    [
      "a target with an extension of its own keeps it",
      "a+x@example.net",
      { "a@example.net": "b+y@example.net" },
      ["b+y@example.net"],
    ],
    ["a bare key in the origin domain", "a@example.org", { a: "b@example.net" }, ["b@example.net"]],
    [
      "the address before the catch-all",
      "a@example.net",
      { "@example.net": "all@example.org", "a@example.net": "b@example.net" },
      ["b@example.net"],
    ],
    ["a catch-all", "any@example.net", { "@example.net": "all@example.org" }, ["all@example.org"]],
    ["a domain for a domain", "any+x@example.net", { "@example.net": "@example.com" }, ["any+x@example.com"]],
    [
      "a quoted local part for a domain",
      '"a b"@example.net',
      { "@example.net": "@example.com" },
      ['"a b"@example.com'],
    ],
    [
      "an internationalized domain by its U-labels",
      "a@xn--bcher-kva.example",
      { "a@bücher.example": "b" },
      ["b@example.org"],
    ],
    ["and by its A-labels", "a@bücher.example", { "@xn--bcher-kva.example": "b" }, ["b@example.org"]],
    [
      "an internationalized name and target",
      "jörg@bücher.example",
      { "jörg@bücher.example": "ü@bücher.example" },
      ["ü@xn--bcher-kva.example"],
    ],
    [
      "a quoted target",
      "a@example.net",
      { "a@example.net": '"b c"@example.net, d' },
      ['"b c"@example.net', "d@example.org"],
    ],
  ])("%s", async (_, raw, entries, to) => {
    expect(await expand(raw, entries as Record<string, string>)).toEqual({ to, mistakes: [] });
  });

  it("finds nothing where nothing fits", async () => {
    expect(await expand("a@example.net", { a: "b", "@example.com": "c" })).toBeNull();
  });

  it("names targets that are no addresses", async () => {
    expect(await expand("a@example.net", { "a@example.net": "b@@x, |/bin/sh, c@example.net, @x.example" })).toEqual({
      to: ["c@example.net"],
      mistakes: ["b@@x", "|/bin/sh", "@x.example"],
    });
  });
});
