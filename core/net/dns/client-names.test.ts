import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ClientNames } from "../../contracts/client-names.ts";
import { startDnsServer, type TestDnsServer } from "../../testing/dns-server.ts";
import { createClientNames } from "./client-names.ts";
import { createResolver } from "./resolver.ts";

let dns: TestDnsServer;
let names: ClientNames;
let hasty: ClientNames;
let nowMs: number;
const ptr = (address: string, data: string) => ({
  name: `${address.split(".").reverse().join(".")}.in-addr.arpa`,
  type: "PTR" as const,
  data,
});

beforeEach(async () => {
  nowMs = 1_000_000;
  const clock = { now: () => nowMs };
  dns = await startDnsServer([
    ptr("192.0.2.1", "mail.example.net"),
    { name: "mail.example.net", type: "A", data: "192.0.2.1" },
    ptr("192.0.2.2", "mail.example.net"),
    ptr("192.0.2.3", "two words.example.net"),
    ptr("192.0.2.4", "gone.example.net"),
    ptr("192.0.2.5", "other.example.net"),
    ptr("192.0.2.5", "five.example.net"),
    { name: "other.example.net", type: "A", data: "192.0.2.99" },
    { name: "five.example.net", type: "A", data: "192.0.2.5" },
    ptr("192.0.2.6", "broken.example.net"),
    {
      name: "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
      type: "PTR",
      data: "six.example.net",
    },
    { name: "six.example.net", type: "AAAA", data: "2001:0db8:0:0:0:0:0:1" },
  ]);
  dns.failing.add("broken.example.net").add("7.2.0.192.in-addr.arpa");
  dns.silent.add("8.2.0.192.in-addr.arpa");
  const resolver = createResolver({ servers: [dns.server], timeoutMs: 20_000, clock });
  names = createClientNames({ resolver, clock, timeoutMs: 20_000 });
  hasty = createClientNames({ resolver, clock, timeoutMs: 300 });
});
afterEach(() => dns.close());

describe("the name of a client", () => {
  it.each([
    ["leads back to its address", "192.0.2.1", { at: "verified", name: "mail.example.net" }],
    ["leads to another address", "192.0.2.2", { at: "unverified", name: "mail.example.net" }],
    ["is no host name", "192.0.2.3", { at: "unknown" }],
    ["leads nowhere", "192.0.2.4", { at: "unverified", name: "gone.example.net" }],
    ["is the second of two", "192.0.2.5", { at: "verified", name: "five.example.net" }],
    ["cannot be followed now", "192.0.2.6", { at: "failed", name: "broken.example.net" }],
    ["cannot be told now", "192.0.2.7", { at: "failed", name: null }],
    ["does not exist", "192.0.2.9", { at: "unknown" }],
    ["is IPv6 in another form", "2001:db8::1", { at: "verified", name: "six.example.net" }],
    ["is localhost without a question", "127.0.0.1", { at: "verified", name: "localhost" }],
    ["is nothing on a unix socket", "unix", { at: "unknown" }],
  ])("%s", async (_, address, expected) => {
    expect(await names.find(address)).toEqual(expected);
  });

  it("is not waited for beyond its bound", async () => {
    expect(await hasty.find("192.0.2.8")).toEqual({ at: "failed", name: null });
  });

  it("is asked for once, answered at once from then on, and forgotten after a while", async () => {
    const both = await Promise.all([names.find("192.0.2.1"), names.find("192.0.2.1")]);
    expect(both[0]).toEqual(both[1]);
    const asked = dns.asked.length;
    expect(names.find("192.0.2.1")).toEqual({ at: "verified", name: "mail.example.net" });
    expect(dns.asked.length).toBe(asked);
    nowMs += 300_000;
    expect(names.find("192.0.2.1")).toBeInstanceOf(Promise);
  });

  it("is not waited for again while DNS is broken", async () => {
    await names.find("192.0.2.7");
    expect(names.find("192.0.2.7")).toEqual({ at: "failed", name: null });
    nowMs += 30_000;
    dns.failing.clear();
    expect(await names.find("192.0.2.7")).toEqual({ at: "unknown" });
  });
});
