import { accept, defer, definePlugin, proceed } from "postern/plugin";
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
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import plugin from "./index.ts";

/** Clients at 127.0.0.5 may relay. */
const relay = definePlugin({
  name: "policy-fixture",
  api: 1,
  setup: () => ({
    hooks: { destination: ({ session }) => (session?.remote.address === "127.0.0.5" ? accept("trusted") : proceed) },
  }),
});

let dns: TestDnsServer;
let server: SmtpTestServer | null = null;
beforeEach(async () => {
  dns = await startDnsServer([
    { name: "mx.example.net", type: "MX", data: { preference: 1, exchange: "host.example.net" } },
    { name: "a.example.net", type: "A", data: "192.0.2.1" },
    { name: "null.example.net", type: "MX", data: { preference: 0, exchange: "." } },
  ]);
  dns.failing.add("broken.example.net");
});
afterEach(async () => {
  await server?.close();
  server = null;
  await dns.close();
});

async function open(options: object, from = "127.0.0.9"): Promise<RawClient> {
  server ??= await smtpTestServer({ dns: dns.server, plugins: [fixture, relay, [plugin, optionsOf(plugin, options)]] });
  const client = await RawClient.open(server.port, from);
  await client.until(/^220 .*\r\n/m);
  await client.say("EHLO client.example");
  await client.say("MAIL FROM:<ann@a.example.net>");
  return client;
}

describe("recipients elsewhere", () => {
  it.each([
    ["bob@mx.example.net", {}, "250 2.1.5"],
    ["bob@a.example.net", {}, "250"],
    ["bob@[192.0.2.1]", {}, "250"],
    ["user@example.org", {}, "250"],
    ["bob@gone.example.net", {}, "450 4.1.2 <bob@gone.example.net>: Recipient address rejected: Domain not found"],
    ["bob@gone.example.net", { unknownDomain: "reject" }, "550 5.1.2"],
    ["bob@gone.example.net", { unknownDomain: "off" }, "250"],
    [
      "bob@null.example.net",
      {},
      "556 5.1.10 <bob@null.example.net>: Recipient address rejected: Domain null.example.net does not take mail",
    ],
    ["bob@broken.example.net", { unknownDomain: "reject" }, "450 4.4.3"],
    ["bob@laptop", {}, "504 5.5.2 <bob@laptop>: Recipient address rejected: need fully-qualified address"],
    ["bob@laptop", { texts: { nonFqdn: "{recipient}? {domain}?" } }, "504 5.5.2 bob@laptop? laptop?"],
    ["bob@laptop", { nonFqdn: "off", unknownDomain: "off" }, "250"],
  ])("%s with %j: %s", async (recipient, options, reply) => {
    const client = await open(options, "127.0.0.5");
    expect(await client.say(`RCPT TO:<${recipient}>`)).toContain(reply);
    client.socket.destroy();
  });

  it("are refused to strangers without a question to DNS", async () => {
    const client = await open({});
    expect(await client.say("RCPT TO:<bob@gone.example.net>")).toMatch(/^550 5.7.1/);
    expect(dns.asked.filter((asked) => asked.includes("gone"))).toEqual([]);
    client.socket.destroy();
  });
});

describe("many recipients", () => {
  it("of one message are put off beyond the limit, and the next message begins anew", async () => {
    const client = await open({ perMessage: 1 });
    expect(await client.say("RCPT TO:<user@example.org>")).toMatch(/^250/);
    expect(await client.say("RCPT TO:<other@example.org>")).toBe("452 4.5.3 Too many recipients");
    expect(await client.say("RCPT TO:<user@example.org>")).toMatch(/^250/);
    await client.say("RSET");
    await client.say("MAIL FROM:<ann@a.example.net>");
    expect(await client.say("RCPT TO:<other@example.org>")).toMatch(/^250/);
    client.socket.destroy();
  });

  it("are no matter for exempt networks", async () => {
    const client = await open({ perMessage: 1, unknownPerSession: 1, exempt: { networks: ["127.0.0.0/8"] } });
    expect(await client.say("RCPT TO:<user@example.org>")).toMatch(/^250/);
    expect(await client.say("RCPT TO:<other@example.org>")).toMatch(/^250/);
    expect(await client.say("RCPT TO:<nobody@example.org>")).toMatch(/^550 5.1.1/);
    expect(await client.say("RCPT TO:<nobody2@example.org>")).toMatch(/^550 5.1.1/);
    client.socket.destroy();
  });
});

describe("guessing", () => {
  it("ends the session, also over several transactions", async () => {
    const client = await open({ unknownPerSession: 3 });
    expect(await client.say("RCPT TO:<a@example.org>")).toMatch(/^550 5.1.1/);
    expect(await client.say("RCPT TO:<user@example.org>")).toMatch(/^250/);
    expect(await client.say("RCPT TO:<b@example.org>")).toMatch(/^550 5.1.1/);
    await client.say("RSET");
    await client.say("MAIL FROM:<ann@a.example.net>");
    expect(await client.say("RCPT TO:<c@example.org>")).toMatch(/^550 5.1.1/);
    expect(await client.say("RCPT TO:<user@example.org>")).toBe("421 4.7.28 Too many unknown recipients");
    await client.closed();
  });

  it("is not what other policies put off, wherever they stand in the list", async () => {
    const busy = definePlugin({
      name: "policy-busy",
      api: 1,
      setup: () => ({ hooks: { rcptTo: () => defer("Later") } }),
    });
    const guarded = [plugin, optionsOf(plugin, { unknownPerSession: 2 })] as const;
    for (const plugins of [
      [fixture, busy, guarded, relay],
      [fixture, guarded, relay, busy],
    ]) {
      server = await smtpTestServer({ dns: dns.server, plugins });
      const client = await open({}, "127.0.0.5");
      for (const to of ["user", "other", "user", "other"])
        expect(await client.say(`RCPT TO:<${to}@example.org>`)).toMatch(/^450/);
      for (let n = 0; n < 3; n += 1) expect(await client.say("RCPT TO:<bob@mx.example.net>")).toMatch(/^450/);
      expect(await client.say("RCPT TO:<a@example.org>")).toMatch(/^550 5.1.1/);
      expect(await client.say("RCPT TO:<user@example.org>")).toMatch(/^450/);
      expect(await client.say("RCPT TO:<b@example.org>")).toMatch(/^550 5.1.1/);
      expect(await client.say("RCPT TO:<c@example.org>")).toMatch(/^421/);
      await client.closed();
      await server.close();
      server = null;
    }
  });

  it("of one client is not held against the next one behind the same proxy", async () => {
    server = await smtpTestServer({
      dns: dns.server,
      plugins: [fixture, [plugin, optionsOf(plugin, { unknownPerSession: 1 })]],
    });
    const { kernel } = server;
    const session = sessionOf();
    const ask = async (to: string) => {
      const envelope = envelopeOf({ session });
      const recipient = envelope.makeRecipient({ address: addressOf(to) });
      return (await kernel.claim("destination", envelope, recipient)).verdict?.verdict ?? null;
    };
    expect(await ask("a@example.org")).toBeNull();
    expect(await ask("b@example.org")).toBe("defer");
    session.remote = { address: "192.0.2.9", port: 1, hostname: null };
    expect(await ask("user@example.org")).toBeNull();
  });

  it("of one client is not held against another", async () => {
    const guesser = await open({ unknownPerSession: 2 });
    const honest = await open({}, "127.0.0.8");
    await guesser.say("RCPT TO:<a@example.org>");
    await Promise.all([guesser.say("RCPT TO:<b@example.org>"), honest.say("RCPT TO:<typo@example.org>")]);
    const [ended, taken] = await Promise.all([
      guesser.say("RCPT TO:<c@example.org>"),
      honest.say("RCPT TO:<user@example.org>"),
    ]);
    expect(ended).toMatch(/^421/);
    expect(taken).toMatch(/^250/);
    honest.socket.destroy();
    await guesser.closed();
  });
});
