import { describe, expect, it } from "vitest";
import type { Resolver } from "../contracts/resolver.ts";
import { parseNextHop } from "../mail/next-hop.ts";
import { findMailDomain, findMailHosts } from "./mail-hosts.ts";

describe("mail hosts", () => {
  type Zone = Record<string, { mx?: [number, string][]; a?: string[]; fails?: true }>;
  const resolverOf = (zone: Zone): Pick<Resolver, "mx" | "addresses"> => ({
    mx: async (name) => {
      const mx = zone[name]?.mx;
      if (zone[name]?.fails) return { at: "failed", reason: "ESERVFAIL" };
      return mx
        ? { at: "found", records: mx.map(([preference, exchange]) => ({ preference, exchange })) }
        : { at: "notFound" };
    },
    addresses: async (name) => {
      if (zone[name]?.fails) return { at: "failed", reason: "ETIMEOUT" };
      return zone[name]?.a
        ? {
            at: "found",
            records: zone[name].a.map((address) => ({
              address,
              family: address.includes(":") ? (6 as const) : (4 as const),
            })),
          }
        : { at: "notFound" };
    },
  });
  const find = (raw: string, zone: Zone) => {
    const nextHop = parseNextHop(raw);
    if (!nextHop) throw new Error("no next hop");
    return findMailHosts({
      nextHop,
      resolver: resolverOf(zone),
      hostname: "us.example",
      isOwnAddress: (address) => address === "198.51.100.1",
      random: () => 0.5,
      signal: new AbortController().signal,
    });
  };
  const a = { a: ["192.0.2.1"] };

  it.each<[string, Zone, string[]]>([
    [
      "by preference",
      {
        d: {
          mx: [
            [20, "b"],
            [10, "a"],
          ],
        },
        a: { a: ["192.0.2.1", "192.0.2.2"] },
        b: { a: ["192.0.2.3"] },
      },
      ["192.0.2.1", "192.0.2.2", "192.0.2.3"],
    ],
    ["the domain itself where there is no MX", { d: a }, ["192.0.2.1"]],
    [
      "passing over a host that has no address",
      {
        d: {
          mx: [
            [10, "none"],
            [20, "a"],
          ],
        },
        a,
      },
      ["192.0.2.1"],
    ],
    [
      "only hosts better than ourselves",
      {
        d: {
          mx: [
            [10, "a"],
            [20, "us.example"],
            [30, "b"],
          ],
        },
        a,
        b: { a: ["192.0.2.9"] },
      },
      ["192.0.2.1"],
    ],
    [
      "only hosts better than ourselves under another name",
      {
        d: {
          mx: [
            [10, "a"],
            [20, "alias"],
            [20, "b"],
          ],
        },
        a,
        b: a,
        alias: { a: ["198.51.100.1"] },
      },
      ["192.0.2.1"],
    ],
    [
      "this machine at a port of its own",
      { d: { mx: [[10, "alias"]] }, alias: { a: ["198.51.100.1"] } },
      ["198.51.100.1"],
    ],
    [
      "ten at the most",
      { d: { mx: [[1, "a"]] }, a: { a: Array.from({ length: 30 }, (_, i) => `192.0.2.${i}`) } },
      Array.from({ length: 10 }, (_, i) => `192.0.2.${i}`),
    ],
    [
      "of both families, however many one of them has",
      {
        d: {
          mx: [
            [1, "a"],
            [2, "b"],
          ],
        },
        a: { a: ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4", "2001:db8::5", "192.0.2.1", "192.0.2.2"] },
        b: { a: ["192.0.2.9", "2001:db8::9"] },
      },
      [...["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "2001:db8::3"], ...["192.0.2.9", "2001:db8::9"]],
    ],
    [
      "with room for the next host",
      {
        d: {
          mx: [
            [1, "a"],
            [2, "b"],
          ],
        },
        a: { a: Array.from({ length: 30 }, (_, i) => `192.0.2.${i}`) },
        b: { a: ["198.51.100.9"] },
      },
      ["192.0.2.0", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "198.51.100.9"],
    ],
    [
      "passing over a null MX that stands beside others",
      {
        d: {
          mx: [
            [0, "."],
            [10, "a."],
          ],
        },
        "a.": a,
      },
      ["192.0.2.1"],
    ],
  ])("gives them %s", async (_, zone, addresses) => {
    const found = await find(_.includes("port") ? "d:2525" : "d", zone);
    expect(found.at === "found" && found.hosts.map(({ address }) => address)).toEqual(addresses);
  });

  it.each<[string, Zone, string, string]>([
    ["null MX", { d: { mx: [[0, ""]] } }, "failed", "5.1.10"],
    ["nothing at all", {}, "failed", "5.1.2"],
    [
      "many MX without addresses",
      { d: { mx: Array.from({ length: 21 }, (_, i) => [i, `m${i}`]) } },
      "deferred",
      "4.4.4",
    ],
    ["MX without addresses", { d: { mx: [[1, "a"]] } }, "failed", "5.1.2"],
    ["we are the best", { d: { mx: [[1, "US.example"]] }, "us.example": a }, "failed", "5.4.6"],
    [
      "we are the best by address",
      {
        d: {
          mx: [
            [1, "a"],
            [1, "b"],
          ],
        },
        a,
        b: { a: ["198.51.100.1"] },
      },
      "failed",
      "5.4.6",
    ],
    ["MX look-up fails", { d: { fails: true } }, "deferred", "4.4.3"],
    ["address look-up fails", { d: { mx: [[1, "a"]] }, a: { fails: true } }, "deferred", "4.4.3"],
  ])("answers %s", async (_, zone, at, status) => {
    expect(await find("d", zone)).toMatchObject({ at, reply: { status } });
  });

  it.each<[string, Zone, string]>([
    ["d", { d: { mx: [[1, "a"]] } }, "exists"],
    ["d", { d: a }, "exists"],
    ["[192.0.2.1]", {}, "exists"],
    ["d", { d: { mx: [[0, "."]] } }, "refusesMail"],
    ["d", {}, "unknown"],
    ["d", { d: { fails: true } }, "unavailable"],
  ])("say of %s in %j: %s", async (domain, zone, answer) => {
    expect(await findMailDomain(domain, resolverOf(zone), new AbortController().signal)).toBe(answer);
  });
});
