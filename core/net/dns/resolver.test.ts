import { afterEach, beforeEach, expect, it } from "vitest";
import type { Resolver } from "../../contracts/resolver.ts";
import { startDnsServer, type TestDnsServer } from "../../testing/dns-server.ts";
import { createResolver } from "./resolver.ts";

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
  resolver = createResolver({ servers: [dns.server], timeoutMs: 500, clock: { now: () => nowMs } });
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
