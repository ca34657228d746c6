import { accept, definePlugin, expanded, proceed, type Session, type TlsFacts } from "postern/plugin";
import {
  addressOf,
  envelopeOf,
  fixture,
  optionsOf,
  RawClient,
  type SmtpTestServer,
  sessionOf,
  smtpTestServer,
  startDnsServer,
  type TestDnsServer,
} from "postern/testing";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import plugin from "./index.ts";

/** sales@relay.example is an alias of ours. */
const aliases = definePlugin({
  name: "alias-fixture",
  api: 1,
  setup: () => ({
    hooks: {
      findDomain: ({ domain }) => (domain === "served.example" ? accept("here") : proceed),
      expand: ({ address }) =>
        String(address) === "sales@relay.example" ? expanded([{ address: addressOf("user@example.org") }]) : proceed,
    },
  }),
});

let dns: TestDnsServer;
beforeAll(async () => {
  const mx = (name: string, ...records: [number, string][]) =>
    records.map(([preference, exchange]) => ({ name, type: "MX" as const, data: { preference, exchange } }));
  dns = await startDnsServer([
    ...mx("backed.example", [10, "primary.example"], [20, "MX.example.org"]),
    ...mx("alias.example", [10, "primary.example"], [20, "backup.example.org"]),
    ...mx("foreign.example", [10, "far.example"], [20, "mx.example.org"]),
    ...mx("mixed.example", [10, "primary.example"], [10, "far.example"], [20, "mx.example.org"]),
    ...mx("best.example", [5, "mx.example.org"], [10, "primary.example"]),
    ...mx("without.example", [10, "primary.example"]),
    ...mx("lost.example", [10, "gone.example"], [20, "mx.example.org"]),
    { name: "primary.example", type: "A", data: "192.0.2.1" },
    { name: "far.example", type: "A", data: "203.0.113.1" },
  ]);
  dns.failing.add("broken.example");
});
afterAll(() => dns.close());

const servers: SmtpTestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
async function serverWith(options: object): Promise<SmtpTestServer> {
  const server = await smtpTestServer({
    dns: dns.server,
    plugins: [fixture, aliases, [plugin, optionsOf(plugin, options)]],
  });
  servers.push(server);
  return server;
}

const session = (change: { role?: string; address?: string; login?: string; tls?: Partial<TlsFacts> }): Session =>
  sessionOf({
    listener: { name: "l", role: change.role ?? "mx" },
    remote: { address: change.address ?? "203.0.113.9", port: 4321, hostname: null },
    identity: change.login === undefined ? null : { login: change.login },
    tls:
      change.tls === undefined
        ? null
        : { protocol: "TLSv1.3", cipher: "x", servername: null, clientCertificate: null, ...change.tls },
  });

async function ask(options: object, from: Session | null): Promise<unknown> {
  const { kernel } = await serverWith(options);
  const envelope = envelopeOf({ session: from, to: ["friend@elsewhere.example"] });
  const [recipient] = envelope.recipients;
  if (!recipient) throw new Error("no recipient");
  return (await kernel.claim("destination", envelope, recipient)).verdict?.verdict ?? null;
}

const fingerprint = "ab".repeat(32);
const listed = { certificates: [`inline:{ ${"AB:".repeat(31)}AB = laptop }`] };
const listedBare = { certificates: [`inline:{ ${fingerprint} = laptop }`] };

describe("who may relay", () => {
  it.each([
    ["a stranger", {}, session({}), null],
    ["a stranger with an empty list", { networks: [] }, session({ address: "127.0.0.1" }), null],
    ["a client in a network", { networks: ["192.0.2.0/24"] }, session({ address: "192.0.2.77" }), "accept"],
    ["a client beside the network", { networks: ["192.0.2.0/24"] }, session({ address: "192.0.3.1" }), null],
    ["an IPv4-mapped client", { networks: ["192.0.2.0/24"] }, session({ address: "::ffff:192.0.2.77" }), "accept"],
    ["a mapped network", { networks: ["::ffff:192.0.2.0/120"] }, session({ address: "192.0.2.77" }), "accept"],
    ["an IPv6 client", { networks: ["2001:db8::/32"] }, session({ address: "2001:db8:1::1" }), "accept"],
    ["IPv6 loopback by its address", { networks: ["::1"] }, session({ address: "::1" }), "accept"],
    ["an IPv4 client of an IPv6-only list", { networks: ["::/0"] }, session({ address: "192.0.2.1" }), null],
    ["a unix socket", { networks: ["0.0.0.0/0", "::/0"] }, session({ address: "unix" }), null],
    ["somebody who logged in", {}, session({ login: "anna@example.org" }), "accept"],
    ["a login that is not enough", { authenticated: false }, session({ login: "anna@example.org" }), null],
    ["a certificate in a table", listed, session({ tls: { clientFingerprint: fingerprint } }), "accept"],
    ["a fingerprint without colons", listedBare, session({ tls: { clientFingerprint: fingerprint } }), "accept"],
    ["a certificate that no table has", listed, session({ tls: { clientFingerprint: "cd".repeat(32) } }), null],
    ["TLS without a certificate", { ...listed, verifiedCertificates: true }, session({ tls: {} }), null],
    ["a verified certificate", { verifiedCertificates: true }, session({ tls: { isClientVerified: true } }), "accept"],
    ["a verified certificate that is not enough", {}, session({ tls: { isClientVerified: true } }), null],
    [
      "a certificate that nobody vouches for",
      { verifiedCertificates: true },
      session({ tls: { isClientVerified: false, clientFingerprint: fingerprint } }),
      null,
    ],
    [
      "LMTP from a trusted network",
      { networks: ["127.0.0.0/8"], relayDomains: ["elsewhere.example"] },
      session({ role: "lmtp", address: "127.0.0.1" }),
      null,
    ],
    ["mail without a session", { networks: ["0.0.0.0/0"] }, null, null],
  ])("%s", async (_, options, from, verdict) => {
    expect(await ask(options, from)).toBe(verdict);
  });
});

async function rcpt(recipient: string, options: object, from = "127.0.0.9"): Promise<string> {
  const server = await serverWith(options);
  const client = await RawClient.open(server.port, from);
  await client.until(/^220 .*\r\n/m);
  await client.say("EHLO client.example");
  await client.say("MAIL FROM:<ann@example.net>");
  const reply = await client.say(`RCPT TO:<${recipient}>`);
  client.socket.destroy();
  return reply;
}

describe("relay domains", () => {
  const domains = { relayDomains: ["Relay.example", ".below.example"] };
  const table = { ...domains, relayRecipients: ["inline:{ ann@relay.example = x, @x.below.example = x }"] };
  it.each([
    ["any@relay.example", domains, "250 2.1.5"],
    ["any@sub.relay.example", domains, "550 5.7.1"],
    ["any@x.below.example", domains, "250"],
    ["any@x.y.below.example", domains, "250"],
    ["any@below.example", domains, "550 5.7.1"],
    ["ann@relay.example", table, "250"],
    ["Ann+lists@relay.example", table, "250"],
    ["any@x.below.example", table, "250"],
    ["sales@relay.example", table, "250"],
    [
      "bob@relay.example",
      table,
      "550 5.1.1 <bob@relay.example>: Recipient address rejected: User unknown in relay recipient table",
    ],
    ["bob@relay.example", { ...table, texts: { unknown: "No {recipient}" } }, "550 5.1.1 No bob@relay.example"],
    ["bob@relay.example", { ...table, networks: ["127.0.0.0/8"] }, "550 5.1.1"],
    ["user@example.org", table, "250"],
    ["nobody@example.org", domains, "550 5.1.1 User unknown"],
    ["any@elsewhere.example", domains, "550 5.7.1"],
  ])("%s with %j: %s", async (recipient, options, reply) => {
    expect(await rcpt(recipient, options)).toContain(reply);
  });

  it("go to their next hop where one is named, to their MX otherwise", async () => {
    const options = {
      ...domains,
      relayNextHops: { "relay.example": "[10.0.0.5]:2525", ".below.example": "inner.example" },
    };
    const { kernel } = await serverWith(options);
    const route = async (to: string) => {
      const envelope = envelopeOf({ to: [to] });
      const [recipient] = envelope.recipients;
      if (!recipient) throw new Error("no recipient");
      const { verdict } = await kernel.claim("route", recipient, envelope);
      return verdict?.verdict === "routed" ? `${verdict.transport}:${verdict.nextHop}` : verdict;
    };
    expect(await route("a@relay.example")).toBe("smtp:[10.0.0.5]:2525");
    expect(await route("a@x.below.example")).toBe("smtp:inner.example");
    expect(await route("a@elsewhere.example")).toBeNull();
  });

  it("stand in no chain of routes where no next hop is named", async () => {
    const { kernel } = await serverWith(domains);
    expect(kernel.chains().find(({ hook }) => hook === "route")?.links).toEqual([]);
  });
});

describe("backup MX by what DNS says", () => {
  const backup = { mxBackup: { networks: ["192.0.2.0/24"], names: ["backup.example.org"] } };
  it.each([
    ["a domain whose primary is ours to back", "backed.example", backup, "250"],
    ["a domain that knows us under another name", "alias.example", backup, "250"],
    ["a primary in nobody's network", "foreign.example", backup, "550 5.7.1"],
    ["one primary of two in nobody's network", "mixed.example", backup, "550 5.7.1"],
    ["a domain of which we would be the primary", "best.example", backup, "550 5.7.1"],
    ["a domain that does not name us", "without.example", backup, "550 5.7.1"],
    ["a primary without an address", "lost.example", backup, "550 5.7.1"],
    ["a domain without MX", "primary.example", backup, "550 5.7.1"],
    ["a domain that does not exist", "nowhere.example", backup, "550 5.7.1"],
    ["DNS that cannot tell", "broken.example", backup, "450 4.4.3"],
    ["an address literal", "[192.0.2.1]", backup, "550 5.7.1"],
    ["no networks, no backup", "backed.example", { mxBackup: { names: ["mx.example.org"] } }, "550 5.7.1"],
  ])("%s", async (_, domain, options, reply) => {
    expect(await rcpt(`ann@${domain}`, options)).toContain(reply);
  });
});

describe("mistakes", () => {
  it.each([
    [{ networks: ["10.0.0.1/8"] }, "10.0.0.1/8"],
    [{ mxBackup: { networks: ["x"] } }, '"x" is no network'],
    [{ relayDomains: ["a b"] }, '"a b" is no domain'],
    [{ relayDomains: ["."] }, '"." is no domain'],
    [{ relayRecipients: ["nosuch:/x"] }, "no such table"],
  ])("keep the server from starting: %j", async (options, said) => {
    await expect(serverWith(options)).rejects.toThrow(said);
  });

  it("are found at check", async () => {
    const { kernel } = await serverWith({
      networks: ["0.0.0.0/0", "10.0.0.0/8"],
      mxBackup: { networks: ["::/0"] },
      relayDomains: ["served.example", "relay.example"],
      relayNextHops: { "relay.example": "[oops", "other.example": "[10.0.0.5]" },
    });
    const check = kernel.check();
    expect((await check).map(({ severity, text }) => `${severity} ${text}`)).toEqual([
      "error networks has 0.0.0.0/0: the whole world could relay through this server",
      "error mxBackup.networks has ::/0: anybody could make this server his relay",
      'error relayNextHops.relay.example is no next hop: "[oops"; expected like [10.0.0.5]:25',
      "warning relayNextHops has other.example, which is no relay domain",
      "error relayDomains has served.example, whose mailboxes live here: its mail would never be handed on",
    ]);
  });
});
