/**
 * Ten policies as a busy MX has them, for the suite that asks what they cost. Each has something to do for every message, and
 * none refuses the load: the DNS of the measurement knows sender and client, the greylist has seen them.
 */
import { startDnsServer, type TestDnsServer } from "../../core/testing/dns-server.ts";

const lines = (count: number, line: (index: number) => string): string =>
  `${Array.from({ length: count }, (_, index) => line(index)).join("\n")}\n`;

/** Tables of the size that a site of some years has. */
const files = {
  clients: lines(2_000, (index) => `198.18.${index >> 8}.${index & 255}/32 REJECT`),
  senders: lines(5_000, (index) => `spammer${index}@example.com REJECT`),
  recipients: lines(1_000, (index) => `former${index}@example.org 550 5.1.6 has left`),
  logins: lines(1_000, (index) => `someone${index}@example.org someone${index}@example.org`),
  headers: lines(30, (index) => `/^Subject: .*bargain number ${index}\\b/ REJECT`),
  body: lines(10, (index) => `/click here for bargain ${index}\\b/ REJECT`),
};

const policies = [
  "  - policy-access: { checks: [{ check: client, maps: ['cidr:clients'] }, { check: sender, maps: ['hash:senders'] }, { check: recipient, maps: ['hash:recipients'] }] }",
  "  - policy-client",
  "  - policy-rate: { rules: [{ count: concurrency, per: address, limit: 1000 }, { count: messages, per: address, limit: 1000000 }, { count: recipients, per: sender, limit: 1000000 }] }",
  "  - policy-dnsbl: { client: ['dnsbl.test*2', 'other.test'], sender: ['domains.test'], threshold: 2 }",
  "  - policy-helo: { nonFqdn: off }",
  "  - policy-sender",
  "  - policy-sender-login: { maps: ['hash:logins'] }",
  "  - policy-recipient",
  "  - policy-greylist: { delay: 1s }",
  "  - policy-headers: { header: ['pcre:headers'], body: ['pcre:body'] }",
];

export interface TenPolicies {
  readonly policies: readonly string[];
  readonly files: Readonly<Record<string, string>>;
  readonly config: readonly string[];
  readonly dns: TestDnsServer;
}

export async function tenPolicies(): Promise<TenPolicies> {
  const dns = await startDnsServer([
    { name: "example.net", type: "MX", data: { preference: 10, exchange: "mx.example.net" } },
    { name: "mx.example.net", type: "A", data: "192.0.2.1" },
    { name: "1.0.0.127.in-addr.arpa", type: "PTR", data: "load.example.net" },
    { name: "load.example.net", type: "A", data: "127.0.0.1" },
    { name: "example.org", type: "MX", data: { preference: 10, exchange: "mx.example.org" } },
  ]);
  return { policies, files, config: [`dns: { servers: ["${dns.server}"] }`], dns };
}
