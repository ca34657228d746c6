import { createHash } from "node:crypto";
import { parseNextHop } from "postern/mail";
import { keptLog, resolverOf, startDnsServer, type TestDnsServer, tablesOf } from "postern/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { policyFindings } from "./policy-map.ts";
import type { StsAnswer } from "./sts-policies.ts";
import { createTlsPolicies, type TlsPoliciesParts } from "./tls-policies.ts";

const soon = new AbortController().signal;
const data = createHash("sha256").update("x").digest();
const tlsa = (usage: number, selector = 1, matchingType = 1) => ({
  usage,
  selector,
  matchingType,
  data: new Uint8Array(data),
});
const tlsaZone = (name: string, usage: number, selector = 1, matchingType = 1) => ({
  name,
  type: "TLSA" as const,
  data: { usage, selector, matchingType, certificate: data },
});
const a = (name: string) => ({ name, type: "A" as const, data: "192.0.2.1" });
const mx = (name: string, exchange: string) => ({ name, type: "MX" as const, data: { preference: 10, exchange } });
const alias = (name: string, target: string) => ({ name, type: "CNAME" as const, data: target });

let dns: TestDnsServer;
beforeEach(async () => {
  dns = await startDnsServer([
    mx("signed.example", "mx.signed.example"),
    a("mx.signed.example"),
    tlsaZone("_25._tcp.mx.signed.example", 3),
    tlsaZone("_587._tcp.mx.signed.example", 2),
    a("implicit.signed.example"),
    tlsaZone("_25._tcp.implicit.signed.example", 3),
    mx("none.signed.example", "bare.signed.example"),
    a("bare.signed.example"),
    mx("odd.signed.example", "odd-mx.signed.example"),
    a("odd-mx.signed.example"),
    tlsaZone("_25._tcp.odd-mx.signed.example", 1),
    tlsaZone("_25._tcp.odd-mx.signed.example", 3, 9),
    mx("alias.signed.example", "alias-mx.signed.example"),
    alias("alias-mx.signed.example", "mx.signed.example"),
    alias("www.signed.example", "signed.example"),
    mx("own.signed.example", "own-mx.signed.example"),
    alias("own-mx.signed.example", "bare.signed.example"),
    tlsaZone("_25._tcp.own-mx.signed.example", 3),
    mx("out.signed.example", "out-mx.signed.example"),
    alias("out-mx.signed.example", "mx.plain.example"),
    tlsaZone("_25._tcp.out-mx.signed.example", 3),
    mx("host-plain.signed.example", "mx.plain.example"),
    mx("plain.example", "mx.plain.example"),
    mx("plain-domain.example", "mx.signed.example"),
    a("mx.plain.example"),
    tlsaZone("_25._tcp.mx.plain.example", 3),
  ]);
  dns.signed.add("signed.example");
});
afterEach(() => dns.close());

const policiesWith = async (
  more: Partial<TlsPoliciesParts> & { table?: Record<string, string>; sts?: TlsPoliciesParts["sts"] } = {},
) => {
  const { table = {}, ...parts } = more;
  const { log, lines } = keptLog();
  const entries = Object.entries(table).map(([key, value]) => `{${key} = ${value}}`);
  const tables = await tablesOf().openAll(entries.length === 0 ? [] : [`inline:{${entries.join(", ")}}`]);
  const policies = createTlsPolicies({
    level: "auto",
    more: {},
    isDaneUsed: true,
    sts: null,
    tables,
    resolver: resolverOf({ servers: [dns.server] }),
    log,
    ...parts,
  });
  const decide = (nextHop: string, host: string, port = 25) => {
    const parsed = parseNextHop(nextHop);
    if (!parsed) throw new Error(`no next hop: ${nextHop}`);
    return policies.decide({ nextHop: parsed, host, port }, soon);
  };
  return { decide, lines };
};

describe("DANE", () => {
  it("verifies a host by its records, under the names that RFC 7672 3.2.2 has", async () => {
    const { decide } = await policiesWith();
    expect(await decide("signed.example", "mx.signed.example")).toMatchObject({
      at: "decided",
      requirement: { level: "verified", names: ["mx.signed.example", "signed.example"], tlsa: [tlsa(3)] },
      by: { source: "dane" },
    });
    expect(await decide("[mx.signed.example]:587", "mx.signed.example", 587)).toMatchObject({
      requirement: { level: "verified", names: ["mx.signed.example"], tlsa: [tlsa(2)] },
    });
    expect(await decide("implicit.signed.example", "implicit.signed.example")).toMatchObject({
      requirement: { level: "verified", names: ["implicit.signed.example"] },
    });
    expect(await decide("www.signed.example", "MX.signed.example.")).toMatchObject({
      requirement: { names: ["mx.signed.example", "www.signed.example", "signed.example"] },
    });
  });

  it("follows aliases as far as they are safe", async () => {
    const { decide } = await policiesWith();
    expect(await decide("alias.signed.example", "alias-mx.signed.example")).toMatchObject({
      requirement: { names: ["mx.signed.example", "alias-mx.signed.example", "alias.signed.example"], tlsa: [tlsa(3)] },
    });
    expect(await decide("own.signed.example", "own-mx.signed.example")).toMatchObject({
      requirement: { names: ["own-mx.signed.example", "own.signed.example"], tlsa: [tlsa(3)] },
    });
    expect(await decide("out.signed.example", "out-mx.signed.example")).toMatchObject({
      requirement: { names: ["out-mx.signed.example", "out.signed.example"], tlsa: [tlsa(3)] },
    });
  });

  it.each([
    ["without records", "none.signed.example", "bare.signed.example"],
    ["whose domain is not signed", "plain-domain.example", "mx.signed.example"],
    ["that is not signed itself", "host-plain.signed.example", "mx.plain.example"],
    ["of which nothing is signed", "plain.example", "mx.plain.example"],
    ["that is an address", "[192.0.2.1]", "192.0.2.1"],
  ])("leaves a host alone %s", async (_, nextHop, host) => {
    const { decide } = await policiesWith();
    expect(await decide(nextHop, host)).toEqual({
      at: "decided",
      requirement: { level: "opportunistic" },
      by: { source: "configuration" },
    });
  });

  it("asks for TLS where no record is usable", async () => {
    const { decide } = await policiesWith();
    expect(await decide("odd.signed.example", "odd-mx.signed.example")).toMatchObject({
      at: "decided",
      requirement: { level: "required" },
      by: { source: "dane", dane: { usable: [], all: [{ usage: 1 }, { usage: 3, selector: 9 }] } },
    });
  });

  it.each(["signed.example", "mx.signed.example", "_25._tcp.mx.signed.example"])(
    "does without a host when %s cannot be looked up",
    async (name) => {
      dns.failing.add(name);
      const { decide } = await policiesWith();
      expect(await decide("signed.example", "mx.signed.example")).toMatchObject({
        at: "deferred",
        reply: { code: 451, status: "4.7.5" },
        failure: { kind: "dnssec-invalid", reason: expect.stringContaining("ESERVFAIL") },
      });
    },
  );

  it("does without a host that is no mail server of a signed domain any more", async () => {
    const { decide } = await policiesWith();
    expect(await decide("signed.example", "bare.signed.example")).toMatchObject({ at: "deferred" });
  });

  it("is nothing for resolvers that nobody believes", async () => {
    const resolver = resolverOf({ servers: [dns.server], validating: false });
    const { decide } = await policiesWith({ resolver });
    expect(await decide("signed.example", "mx.signed.example")).toMatchObject({
      requirement: { level: "opportunistic" },
    });
    expect(dns.asked).toEqual(["MX signed.example"]);
  });

  it("can be left out, in the configuration and for one destination", async () => {
    const off = await policiesWith({ isDaneUsed: false });
    expect(await off.decide("signed.example", "mx.signed.example")).toMatchObject({ by: { source: "configuration" } });
    const { decide } = await policiesWith({ table: { "signed.example": "may" } });
    expect(await decide("signed.example", "mx.signed.example")).toEqual({
      at: "decided",
      requirement: { level: "opportunistic" },
      by: { source: "table", tableKey: "signed.example" },
    });
    expect(dns.asked).toEqual([]);
  });

  it("can be insisted on", async () => {
    const { decide } = await policiesWith({ level: "dane-only", isDaneUsed: false });
    expect(await decide("signed.example", "mx.signed.example")).toMatchObject({ requirement: { level: "verified" } });
    for (const [nextHop, host] of [
      ["plain.example", "mx.plain.example"],
      ["odd.signed.example", "odd-mx.signed.example"],
    ] as const)
      expect(await decide(nextHop, host)).toMatchObject({ at: "deferred", failure: { kind: "dane-required" } });
  });
});

describe("MTA-STS", () => {
  const enforce = { id: "1", mode: "enforce", mx: ["mx.plain.example"], maxAgeMs: 1, fetchedAtMs: 1 } as const;
  const asked: string[] = [];
  const with_ = (answer: StsAnswer): TlsPoliciesParts["sts"] => ({
    find: async (domain) => {
      asked.push(domain);
      return answer;
    },
  });
  beforeEach(() => void asked.splice(0));

  it("verifies hosts that the policy knows, and does without others", async () => {
    const { decide } = await policiesWith({ sts: with_({ policy: enforce, failure: null }) });
    expect(await decide("plain.example", "mx.plain.example")).toEqual({
      at: "decided",
      requirement: { level: "verified", names: ["mx.plain.example"] },
      by: { source: "mta-sts", sts: enforce },
    });
    expect(await decide("plain.example", "evil.example")).toMatchObject({
      at: "deferred",
      reply: { code: 451, status: "4.7.5", text: expect.stringContaining("MTA-STS") },
      failure: { kind: "validation-failure" },
    });
  });

  it("asks for nothing in other modes and without a policy, which is remembered", async () => {
    const testing = { ...enforce, mode: "testing" as const };
    const { decide } = await policiesWith({ sts: with_({ policy: testing, failure: null }) });
    expect(await decide("plain.example", "evil.example")).toEqual({
      at: "decided",
      requirement: { level: "opportunistic" },
      by: { source: "configuration", sts: testing },
    });
    const failure = { kind: "sts-policy-fetch-error", reason: "x" } as const;
    const failing = await policiesWith({ sts: with_({ policy: null, failure }) });
    expect(await failing.decide("plain.example", "mx.plain.example")).toEqual({
      at: "decided",
      requirement: { level: "opportunistic" },
      by: { source: "configuration", stsFailure: failure },
    });
  });

  it("gives way to DANE, is for domains alone, and raises what the configuration asks for", async () => {
    const { decide } = await policiesWith({ sts: with_({ policy: enforce, failure: null }), level: "required" });
    expect(await decide("signed.example", "mx.signed.example")).toMatchObject({ by: { source: "dane" } });
    expect(await decide("[mx.plain.example]", "mx.plain.example")).toMatchObject({
      requirement: { level: "required" },
    });
    expect(asked).toEqual([]);
    expect(await decide("plain.example", "mx.plain.example")).toMatchObject({ requirement: { level: "verified" } });
  });

  it("that cannot be told makes the mail wait", async () => {
    const sts = { find: () => Promise.reject(new Error("damaged")) };
    const { decide } = await policiesWith({ sts });
    await expect(decide("plain.example", "mx.plain.example")).rejects.toThrow("damaged");
  });
});

describe("the administrator's table", () => {
  it.each([
    ["the next hop as it is written", "[mx.plain.example]:587", "required"],
    ["the host without its port", "[mx.plain.example]:465", "implicit"],
    ["the domain", "plain.example", "none"],
    ["a domain above", "a.b.above.example", "verified"],
    ["nobody", "above.example", "opportunistic"],
  ])("is asked for %s", async (_, nextHop, level) => {
    const { decide } = await policiesWith({
      table: {
        "[mx.plain.example]:587": "encrypt",
        "mx.plain.example": "implicit",
        "plain.example": "none",
        ".above.example": "secure",
      },
    });
    expect(await decide(nextHop, "mx.plain.example")).toMatchObject({ requirement: { level } });
  });

  it("says which names a certificate may have, and which fingerprints", async () => {
    const { decide } = await policiesWith({
      more: { ca: ["pem"] },
      table: {
        "a.example": "secure",
        "b.example": "secure match=nexthop:hostname:mail.example",
        "c.example": `fingerprint match=${"00".repeat(32)}`,
      },
    });
    expect(await decide("a.example", "mx.a.example")).toMatchObject({
      requirement: { level: "verified", names: ["a.example", ".a.example"], ca: ["pem"] },
    });
    expect(await decide("b.example", "mx.b.example")).toMatchObject({
      requirement: { names: ["b.example", "mx.b.example", "mail.example"] },
    });
    expect(await decide("c.example", "mx.c.example")).toMatchObject({
      requirement: {
        level: "verified",
        tlsa: [
          { usage: 3, selector: 0 },
          { usage: 3, selector: 1 },
        ],
      },
    });
  });

  it("with a mistake in it makes the mail wait, tells the log, and is found by the check", async () => {
    const table = { "plain.example": "secured", "good.example": "secure" };
    const { decide, lines } = await policiesWith({ table });
    expect(await decide("plain.example", "mx.plain.example")).toMatchObject({
      at: "deferred",
      reply: { code: 451, status: "4.3.5" },
    });
    expect(lines).toMatchObject([
      { level: "error", fields: { key: "plain.example", mistake: expect.stringContaining('"secured"') } },
    ]);
    const spec = "inline:{plain.example = secured, good.example = secure}";
    expect(await policyFindings(await tablesOf().openAll([spec]), [spec])).toEqual([
      { severity: "error", text: expect.stringMatching(/plain\.example.*"secured" is no level/) },
    ]);
  });

  it("of patterns is asked once, with the whole", async () => {
    const tables = await tablesOf().openAll(["regexp:{{/^plain\\.example$/ none}}"]);
    const { decide } = await policiesWith({ tables });
    expect(await decide("plain.example", "mx.plain.example")).toMatchObject({ requirement: { level: "none" } });
    expect(await decide("a.plain.example", "mx.plain.example")).toMatchObject({ by: { source: "configuration" } });
  });

  it("that cannot answer rejects", async () => {
    const { decide } = await policiesWith({ tables: [{ get: () => Promise.reject(new Error("gone")) }] });
    await expect(decide("plain.example", "mx.plain.example")).rejects.toThrow("gone");
  });
});
