import { parseAddress } from "postern/mail";
import type { Recipient, Resolver } from "postern/plugin";
import { describe, expect, it } from "vitest";
import { findMailHosts } from "./mail-hosts.ts";
import { parseNextHop } from "./next-hop.ts";
import { recipientParameters, xtext } from "./parameters.ts";
import { parseReply } from "./remote-reply.ts";

describe("next hops", () => {
  it.each([
    ["example.org", { host: "example.org", port: null, usesMx: true }],
    ["Example.org:2525", { host: "example.org", port: 2525, usesMx: true }],
    ["[mail.example.org]", { host: "mail.example.org", port: null, usesMx: false }],
    ["[mail.example.org]:587", { host: "mail.example.org", port: 587, usesMx: false }],
    ["127.0.0.1:25", { host: "127.0.0.1", port: 25, usesMx: false }],
    ["[192.0.2.1]", { host: "192.0.2.1", port: null, usesMx: false }],
    ["[IPv6:2001:db8::1]:25", { host: "2001:db8::1", port: 25, usesMx: false }],
    ["[2001:db8::1]", { host: "2001:db8::1", port: null, usesMx: false }],
  ])("reads %s", (raw, expected) => expect(parseNextHop(raw)).toEqual(expected));
  it.each(["", "[", "[]", "a b", "example.org:0", "example.org:70000", "exa\nmple.org", "[tag:x y]"])(
    "refuses %j",
    (raw) => expect(parseNextHop(raw)).toBeNull(),
  );
});

describe("replies", () => {
  it.each([
    ["250 2.1.5 Ok", { code: 250, status: "2.1.5", text: "Ok" }],
    ["550-5.1.1 no such\r\n550 5.1.1 user", { code: 550, status: "5.1.1", text: "no such user" }],
    ["550 no status", { code: 550, status: null, text: "no status" }],
    ["550 4.1.1 class does not fit", { code: 550, status: null, text: "4.1.1 class does not fit" }],
    ["451", { code: 451, status: null, text: "" }],
    ["550 a\u0007b\u009b", { code: 550, status: null, text: "a b " }],
  ])("reads %j", (raw, expected) =>
    expect(parseReply(raw, "mx.example.org")).toEqual({ ...expected, host: "mx.example.org" }),
  );
  it.each(["", "hello", "99 x", "650 x"])("takes %j for none", (raw) => expect(parseReply(raw, "x")).toBeNull());
});

describe("mail hosts", () => {
  type Zone = Record<string, { mx?: [number, string][]; a?: string[]; fails?: true }>;
  const resolverOf = (zone: Zone): Resolver => ({
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
        ? { at: "found", records: zone[name].a.map((address) => ({ address, family: 4 as const })) }
        : { at: "notFound" };
    },
    reverse: async () => ({ at: "notFound" }),
    txt: async () => ({ at: "notFound" }),
  });
  const find = (raw: string, zone: Zone) => {
    const nextHop = parseNextHop(raw);
    if (!nextHop) throw new Error("no next hop");
    return findMailHosts({
      nextHop,
      resolver: resolverOf(zone),
      hostname: "us.example",
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
      "ten at the most",
      { d: { mx: [[1, "a"]] }, a: { a: Array.from({ length: 30 }, (_, i) => `192.0.2.${i}`) } },
      Array.from({ length: 10 }, (_, i) => `192.0.2.${i}`),
    ],
  ])("gives them %s", async (_, zone, addresses) => {
    const found = await find("d", zone);
    expect(found.at === "found" && found.hosts.map(({ address }) => address)).toEqual(addresses);
  });

  it.each<[string, Zone, string, string]>([
    ["null MX", { d: { mx: [[0, ""]] } }, "failed", "5.1.10"],
    ["nothing at all", {}, "failed", "5.1.2"],
    ["MX without addresses", { d: { mx: [[1, "a"]] } }, "failed", "5.1.2"],
    ["we are the best", { d: { mx: [[1, "US.example"]] }, "us.example": a }, "failed", "5.4.6"],
    ["MX look-up fails", { d: { fails: true } }, "deferred", "4.4.3"],
    ["address look-up fails", { d: { mx: [[1, "a"]] }, a: { fails: true } }, "deferred", "4.4.3"],
  ])("answers %s", async (_, zone, at, status) => {
    expect(await find("d", zone)).toMatchObject({ at, reply: { status } });
  });
});

it("passes DSN wishes on only where they are understood", () => {
  const address = parseAddress("user@example.org");
  if (!address) throw new Error("no address");
  const recipient: Recipient = {
    id: 1,
    address,
    orcpt: { type: "rfc822", address: "a+b@example.org" },
    notify: new Set(["success", "failure"]),
    parents: [],
  };
  expect(recipientParameters(recipient, () => true)).toBe(" NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@example.org");
  expect(recipientParameters(recipient, () => false)).toBe("");
  expect(xtext("a=b c\u00e9")).toBe("a+3Db+20c+C3+A9");
});
