import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Resolver } from "../../contracts/resolver.ts";
import { startDnsServer, type TestDnsServer } from "../../testing/dns-server.ts";
import { createResolver } from "./resolver.ts";
import { Servers } from "./servers.ts";

let dns: TestDnsServer;
let resolver: Resolver;
let nowMs: number;

beforeEach(async () => {
  nowMs = 1_000_000;
  dns = await startDnsServer([
    { name: "example.org", type: "MX", data: { preference: 10, exchange: "mx1.example.org" } },
    { name: "example.org", type: "MX", data: { preference: 5, exchange: "mx2.example.org" } },
    { name: "example.org", type: "TXT", data: ["v=spf1 ", "-all"] },
    { name: "mx1.example.org", type: "A", data: "192.0.2.1" },
    { name: "mx1.example.org", type: "AAAA", data: "2001:db8::1" },
    { name: "v4.example.org", type: "A", data: "192.0.2.4" },
    { name: "example.org", type: "NS", data: "ns1.example.org" },
    { name: "1.2.0.192.in-addr.arpa", type: "PTR", data: "mx1.example.org" },
  ]);
  resolver = createResolver({ servers: [dns.server], timeoutMs: 20_000, clock: { now: () => nowMs } });
});
afterEach(() => dns.close());

it("answers MX, TXT, NS, PTR and both address families", async () => {
  expect(await resolver.mx("example.org")).toMatchObject({
    at: "found",
    records: expect.arrayContaining([{ preference: 5, exchange: "mx2.example.org" }]),
  });
  expect(await resolver.txt("example.org")).toEqual({ at: "found", records: ["v=spf1 -all"] });
  expect(await resolver.ns("example.org")).toEqual({ at: "found", records: ["ns1.example.org"] });
  expect(await resolver.ns("mx1.example.org")).toEqual({ at: "notFound" });
  expect(await resolver.reverse("192.0.2.1")).toEqual({ at: "found", records: ["mx1.example.org"] });
  expect(await resolver.addresses("mx1.example.org")).toEqual({
    at: "found",
    records: [
      { address: "2001:db8::1", family: 6 },
      { address: "192.0.2.1", family: 4 },
    ],
  });
});

it("tells a name that does not exist from a server that cannot tell", async () => {
  expect(await resolver.mx("nowhere.example")).toEqual({ at: "notFound" });
  expect(await resolver.mx("v4.example.org")).toEqual({ at: "notFound" });
  dns.failing.add("broken.example");
  expect(await resolver.mx("broken.example")).toMatchObject({ at: "failed" });
});

it("answers from one family when the other fails, and asks nobody for literals and localhost", async () => {
  expect(await resolver.addresses("v4.example.org")).toEqual({
    at: "found",
    records: [{ address: "192.0.2.4", family: 4 }],
  });
  const before = dns.asked.length;
  expect(await resolver.addresses("2001:db8::7")).toEqual({
    at: "found",
    records: [{ address: "2001:db8::7", family: 6 }],
  });
  expect(await resolver.addresses("localhost")).toMatchObject({ at: "found" });
  expect(dns.asked.length).toBe(before);
});

it("asks once for many, keeps the answer for its time, and never keeps a failure", async () => {
  await Promise.all([resolver.mx("example.org"), resolver.mx("EXAMPLE.org"), resolver.mx("example.org")]);
  await resolver.mx("example.org");
  expect(dns.asked.filter((asked) => asked === "MX example.org")).toHaveLength(1);
  nowMs += 60_000;
  await resolver.mx("example.org");
  expect(dns.asked.filter((asked) => asked.toLowerCase() === "mx example.org")).toHaveLength(2);
  dns.failing.add("flaky.example");
  await resolver.mx("flaky.example");
  dns.failing.clear();
  expect(await resolver.mx("flaky.example")).toEqual({ at: "notFound" });
});

it("answers A records alone, kept for their time to live", async () => {
  expect(await resolver.ipv4("v4.example.org")).toEqual({ at: "found", records: ["192.0.2.4"] });
  expect(await resolver.ipv4("nowhere.example")).toEqual({ at: "notFound" });
  expect(dns.asked).toEqual(["A v4.example.org", "A nowhere.example"]);
  nowMs += 31_000; // negative answers have gone, the record's 60 seconds are not over
  await Promise.all([resolver.ipv4("v4.example.org"), resolver.ipv4("nowhere.example")]);
  expect(dns.asked.slice(2)).toEqual(["A nowhere.example"]);
});

it("tells an address without a name from a server that cannot tell", async () => {
  dns.failing.add("9.2.0.192.in-addr.arpa");
  expect(await resolver.reverse("192.0.2.9")).toMatchObject({ at: "failed" });
  expect(await resolver.reverse("192.0.2.8")).toEqual({ at: "notFound" });
  expect(await resolver.reverse("unix")).toEqual({ at: "notFound" });
});

it("lets go at once when the asker does", async () => {
  expect(await resolver.mx("example.org", AbortSignal.abort())).toMatchObject({ at: "failed", reason: "ABORTED" });
});

describe("what a validating resolver vouches for", () => {
  const addresses = { at: "found", records: [{ address: "192.0.2.1", family: 4 }] };
  const record = { usage: 3, selector: 1, matchingType: 1, certificate: Buffer.alloc(32, 7) };
  let secure: TestDnsServer;
  const ask = (validating?: boolean) =>
    createResolver({
      servers: [secure.server],
      timeoutMs: 20_000,
      clock: Date,
      ...(validating !== undefined && { validating }),
    });

  beforeEach(async () => {
    secure = await startDnsServer(
      [
        { name: "signed.example", type: "MX", data: { preference: 10, exchange: "mx.signed.example" } },
        { name: "mx.signed.example", type: "A", data: "192.0.2.1" },
        { name: "mx.plain.example", type: "A", data: "192.0.2.1" },
        { name: "_25._tcp.mx.signed.example", type: "TLSA", data: record },
        { name: "to-plain.signed.example", type: "CNAME", data: "mx.plain.example" },
        { name: "one.signed.example", type: "CNAME", data: "two.signed.example" },
        { name: "two.signed.example", type: "CNAME", data: "MX.signed.example" },
        { name: "round.signed.example", type: "CNAME", data: "about.signed.example" },
        { name: "about.signed.example", type: "CNAME", data: "round.signed.example" },
        ...Array.from({ length: 20 }, (_, index) => ({
          name: `far${index}.signed.example`,
          type: "CNAME" as const,
          data: `far${index + 1}.signed.example`,
        })),
      ],
      { negativeTtlSeconds: 120 },
    );
    secure.signed.add("signed.example");
  });
  afterEach(() => secure.close());

  it("is authentic: records, their absence, TLSA", async () => {
    const resolver = ask();
    expect(await resolver.mx("signed.example")).toMatchObject({ at: "found", isAuthentic: true });
    expect(await resolver.addresses("mx.signed.example")).toEqual({ ...addresses, isAuthentic: true });
    expect(await resolver.tlsa("_25._tcp.mx.signed.example")).toEqual({
      at: "found",
      records: [{ usage: 3, selector: 1, matchingType: 1, data: new Uint8Array(32).fill(7) }],
      isAuthentic: true,
    });
    expect(await resolver.tlsa("_26._tcp.mx.signed.example")).toEqual({ at: "notFound", isAuthentic: true });
    expect(await resolver.addresses("nowhere.signed.example")).toEqual({ at: "notFound", isAuthentic: true });
    expect(await resolver.addresses("mx.plain.example")).toEqual(addresses);
  });

  it("is not believed when the configuration says so", async () => {
    expect(await ask(false).addresses("mx.signed.example")).toEqual(addresses);
    expect(await ask(true).addresses("mx.signed.example")).toEqual({ ...addresses, isAuthentic: true });
  });

  it("is as good as the weakest step of a chain of aliases", async () => {
    expect(await ask().addresses("one.signed.example")).toEqual({
      ...addresses,
      isAuthentic: true,
      canonicalName: "mx.signed.example",
    });
    expect(await ask().addresses("to-plain.signed.example")).toEqual({
      ...addresses,
      canonicalName: "mx.plain.example",
    });
    expect(await ask().alias("to-plain.signed.example")).toEqual({
      at: "found",
      records: ["mx.plain.example"],
      isAuthentic: true,
    });
  });

  it("is asked for step by step where the server does not follow", async () => {
    for (const name of ["one.signed.example", "two.signed.example", "to-plain.signed.example"])
      secure.unfollowed.add(name);
    expect(await ask().addresses("one.signed.example")).toMatchObject({
      isAuthentic: true,
      canonicalName: "mx.signed.example",
    });
    const half = await ask().addresses("to-plain.signed.example");
    expect(half).toEqual({ ...addresses, canonicalName: "mx.plain.example" });
  });

  it.each(["round.signed.example", "far0.signed.example"])("ends with a chain that does not: %s", async (name) => {
    expect(await ask().addresses(name)).toEqual({ at: "failed", reason: "EBADRESP" });
    secure.unfollowed.add(name);
    expect(await ask().mx(name)).toEqual({ at: "failed", reason: "EBADRESP" });
  });

  it("keeps 'nothing there' as long as the zone says", async () => {
    const resolver = createResolver({ servers: [secure.server], clock: { now: () => nowMs } });
    await resolver.mx("nowhere.example");
    nowMs += 119_000;
    await resolver.mx("nowhere.example");
    expect(secure.asked).toHaveLength(1);
    nowMs += 1_000;
    await resolver.mx("nowhere.example");
    expect(secure.asked).toHaveLength(2);
  });

  it("does not become insecure because another server is asked", async () => {
    const other = await startDnsServer([{ name: "mx.signed.example", type: "A", data: "192.0.2.66" }]);
    const elsewhere = new Servers({
      servers: [secure.server, other.server.replace("127.0.0.1", "[::ffff:127.0.0.1]")],
      timeoutMs: 300,
      clock: Date,
    });
    try {
      secure.failing.add("mx.signed.example");
      await expect(elsewhere.ask({ name: "mx.signed.example", type: "A" })).rejects.toMatchObject({
        code: "ESERVFAIL",
      });
      secure.silent.add("mx.signed.example");
      await expect(elsewhere.ask({ name: "mx.signed.example", type: "A" })).rejects.toMatchObject({ code: "ETIMEOUT" });
      expect(other.asked).toEqual([]);
      await secure.close();
      expect(await elsewhere.ask({ name: "mx.signed.example", type: "A" })).toMatchObject({ isAuthentic: false });
      secure = await startDnsServer([]);
    } finally {
      await other.close();
    }
  });
});

describe("servers and networks that are not as they should be", () => {
  it("an answer that is too large comes over TCP", async () => {
    dns.truncated.add("example.org");
    expect(await resolver.mx("example.org")).toMatchObject({ at: "found" });
    expect(dns.askedOverTcp).toEqual(["MX example.org"]);
  });

  it("forged replies are passed over", async () => {
    dns.forged.add("v4.example.org");
    expect(await resolver.ipv4("v4.example.org")).toEqual({ at: "found", records: ["192.0.2.4"] });
  });

  it("an answer that nobody can read is none", async () => {
    const hasty = createResolver({ servers: [dns.server], timeoutMs: 300, clock: Date });
    dns.garbled.add("v4.example.org");
    expect(await hasty.ipv4("v4.example.org")).toEqual({ at: "failed", reason: "ETIMEOUT" });
  });

  it("an answer over TCP that breaks off is none", async () => {
    const half = await startDnsServer([{ name: "example.org", type: "A", data: "192.0.2.1" }]);
    try {
      half.truncated.add("example.org");
      half.brokenOverTcp.add("example.org");
      const asking = createResolver({ servers: [half.server], timeoutMs: 20_000, clock: Date });
      expect(await asking.ipv4("example.org")).toEqual({ at: "failed", reason: "EBADRESP" });
      half.brokenOverTcp.clear();
      expect(await asking.ipv4("example.org")).toMatchObject({ at: "found" });
    } finally {
      await half.close();
    }
  });

  it("one that knows no EDNS is asked without", async () => {
    const old = await startDnsServer([{ name: "example.org", type: "A", data: "192.0.2.1" }], { knowsEdns: false });
    try {
      const asking = createResolver({ servers: [old.server], timeoutMs: 20_000, clock: Date });
      expect(await asking.ipv4("example.org")).toEqual({ at: "found", records: ["192.0.2.1"] });
      await asking.ipv4("www.example.org");
      expect(old.asked).toEqual(["A example.org", "A example.org", "A www.example.org"]);
    } finally {
      await old.close();
    }
  });

  it("one that knew no EDNS for once is asked with it again, and believed", async () => {
    let isOdd = true;
    const odd = await startDnsServer([{ name: "*.example.org", type: "A", data: "192.0.2.1" }], {
      get knowsEdns() {
        return !isOdd;
      },
    });
    odd.signed.add("example.org");
    try {
      const asking = createResolver({ servers: [odd.server], timeoutMs: 20_000, clock: { now: () => nowMs } });
      expect(await asking.ipv4("one.example.org")).not.toHaveProperty("isAuthentic");
      isOdd = false;
      nowMs += 30_000;
      expect(await asking.ipv4("two.example.org")).toMatchObject({ at: "found", isAuthentic: true });
    } finally {
      await odd.close();
    }
  });

  it("the next one is asked, and first from then on", async () => {
    dns.silent.add("v4.example.org");
    const second = await startDnsServer([{ name: "*.example.org", type: "A", data: "192.0.2.5" }]);
    try {
      const both = createResolver({
        servers: [dns.server, second.server],
        timeoutMs: 300,
        clock: { now: () => nowMs },
      });
      expect(await both.ipv4("v4.example.org")).toEqual({ at: "found", records: ["192.0.2.5"] });
      const before = dns.asked.length;
      await both.ipv4("other.example.org");
      expect(dns.asked.length).toBe(before);
      nowMs += 30_000;
      await both.ipv4("third.example.org");
      expect(dns.asked.length).toBe(before + 1);
    } finally {
      await second.close();
    }
  });

  it("nobody there is a failure, and names that cannot be are not asked for", async () => {
    const gone = await startDnsServer([]);
    await gone.close();
    const nobody = createResolver({ servers: [gone.server], timeoutMs: 20_000, clock: Date });
    expect(await nobody.mx("example.org")).toEqual({ at: "failed", reason: "ECONNREFUSED" });
    expect(await resolver.mx("a..example.org")).toEqual({ at: "notFound" });
    expect(await resolver.mx(`${"a".repeat(64)}.example.org`)).toEqual({ at: "notFound" });
    expect(await resolver.mx("b\u00fccher.example")).toEqual({ at: "notFound" });
    expect(dns.asked).toEqual(["MX xn--bcher-kva.example"]);
  });

  it("very many questions at once wait for each other", async () => {
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => resolver.ipv4(index % 2 ? `no${index}.example` : `v4.example.org`)),
    );
    expect(new Set(answers.map(({ at }) => at))).toEqual(new Set(["found", "notFound"]));
  });
});
