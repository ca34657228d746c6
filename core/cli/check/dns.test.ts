import { afterEach, beforeEach, expect, it } from "vitest";
import { createResolver } from "../../net/dns/resolver.ts";
import { startDnsServer, type TestDnsServer } from "../../testing/dns-server.ts";
import { checkDns } from "./dns.ts";

let dns: TestDnsServer;
beforeEach(async () => {
  dns = await startDnsServer([
    { name: "mail.example.org", type: "A", data: "192.0.2.1" },
    { name: "example.org", type: "MX", data: { preference: 10, exchange: "mail.example.org" } },
    { name: "1.2.0.192.in-addr.arpa", type: "PTR", data: "mail.example.org" },
    { name: ".", type: "NS", data: "a.root.example" },
  ]);
});
afterEach(() => dns.close());

async function found(validating?: boolean): Promise<readonly string[]> {
  const wish = validating === undefined ? {} : { validating };
  const resolver = createResolver({ servers: [dns.server], timeoutMs: 20_000, clock: Date, ...wish });
  const findings = await checkDns({ hostname: "mail.example.org", origin: "example.org", dns: wish }, resolver);
  return findings.map(({ text }) => text);
}

it("has nothing to say of a resolver that validates", async () => {
  dns.signed.add(".");
  expect(await found()).toEqual([]);
  expect(await found(true)).toEqual([]);
});

it.each([
  ["that does not validate", undefined, "DANE is not used; dns.validating"],
  ["that is said to validate and does not", true, "although dns.validating says so"],
])("says what becomes of DANE with a resolver %s", async (_, validating, text) => {
  expect(await found(validating)).toEqual([expect.stringContaining(text)]);
});

it("says nothing where nobody is to be believed", async () => {
  expect(await found(false)).toEqual([]);
  expect(dns.asked).not.toContain("NS .");
});

it("says what cannot be asked, and what others will not believe", async () => {
  dns.failing.add(".").add("example.org").add("1.2.0.192.in-addr.arpa");
  expect(await found()).toEqual([
    "the name of 192.0.2.1 cannot be asked for: ESERVFAIL",
    "the mail hosts of example.org cannot be asked for: ESERVFAIL",
    "whether the resolvers validate DNSSEC cannot be asked: ESERVFAIL",
  ]);
});
