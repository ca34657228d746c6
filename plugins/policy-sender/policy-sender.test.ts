import { defer, definePlugin, expanded, proceed } from "postern/plugin";
import {
  addressOf,
  fixture,
  optionsOf,
  RawClient,
  type SmtpTestServer,
  smtpTestServer,
  startDnsServer,
  type TestDnsServer,
} from "postern/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import plugin from "./index.ts";

/** sales@example.org is an alias for two; slow@example.org cannot be told now. */
const aliases = definePlugin({
  name: "alias-fixture",
  api: 1,
  setup: () => ({
    hooks: {
      expand({ address }) {
        if (address.localPart === "slow") return defer("The table is away");
        if (address.localPart !== "sales") return proceed;
        return expanded([{ address: addressOf("user@example.org") }, { address: addressOf("other@example.org") }]);
      },
    },
  }),
});

let dns: TestDnsServer;
let server: SmtpTestServer | null = null;
beforeEach(async () => {
  dns = await startDnsServer([
    { name: "mx.example.net", type: "MX", data: { preference: 1, exchange: "host.example.net" } },
    { name: "a.example.net", type: "A", data: "192.0.2.1" },
    { name: "aaaa.example.net", type: "AAAA", data: "2001:db8::1" },
    { name: "null.example.net", type: "MX", data: { preference: 0, exchange: "." } },
    { name: "txt.example.net", type: "TXT", data: ["v=spf1 -all"] },
  ]);
  dns.failing.add("broken.example.net");
});
afterEach(async () => {
  await server?.close();
  server = null;
  await dns.close();
});

async function open(options: object): Promise<RawClient> {
  server = await smtpTestServer({ dns: dns.server, plugins: [fixture, aliases, [plugin, optionsOf(plugin, options)]] });
  const client = await RawClient.open(server.port, "127.0.0.9");
  await client.until(/^220 .*\r\n/m);
  await client.say("EHLO client.example");
  return client;
}

describe("reverse-paths", () => {
  it.each([
    ["ann@mx.example.net", {}, "250 2.1.5"],
    ["ann@a.example.net", {}, "250"],
    ["ann@aaaa.example.net", {}, "250"],
    ["", { unknownDomain: "reject" }, "250"],
    ["ann@[192.0.2.1]", { unknownDomain: "reject" }, "250"],
    ["ann@gone.example.net", {}, "450 4.1.8 <ann@gone.example.net>: Sender address rejected: Domain not found"],
    ["ann@gone.example.net", { unknownDomain: "reject" }, "550 5.1.8"],
    ["ann@gone.example.net", { unknownDomain: "off" }, "250"],
    ["ann@txt.example.net", { unknownDomain: "reject" }, "550 5.1.8"],
    [
      "ann@null.example.net",
      {},
      "550 5.7.27 <ann@null.example.net>: Sender address rejected: Domain null.example.net does not take mail",
    ],
    [
      "ann@broken.example.net",
      { unknownDomain: "reject" },
      "450 4.4.3 <ann@broken.example.net>: Sender address rejected: cannot be verified now",
    ],
    ["ann@laptop", {}, "504 5.5.2 <ann@laptop>: Sender address rejected: need fully-qualified address"],
    ["ann@laptop", { nonFqdn: "defer" }, "450 4.5.2"],
    ["user@example.org", {}, "250"],
    ["sales@example.org", {}, "250"],
    ["nobody@example.org", {}, "550 5.1.0 <nobody@example.org>: Sender address rejected: User unknown"],
    ["nobody@example.org", { unlisted: "off" }, "250"],
    [
      "nobody@example.org",
      { texts: { unlisted: "{sender}? In {domain}?" } },
      "550 5.1.0 nobody@example.org? In example.org?",
    ],
    ["slow@example.org", {}, "450 4.4.3"],
    [
      "user@example.org",
      { ownDomain: "reject" },
      "553 5.7.1 <user@example.org>: Sender address rejected: not logged in",
    ],
    ["user@example.org", { ownDomain: "defer" }, "450 4.7.1"],
    ["user@example.org", { ownDomain: "reject", exempt: { networks: ["127.0.0.0/8"] } }, "250"],
  ])("%s with %j: %s", async (sender, options, reply) => {
    const client = await open(options);
    await client.say(`MAIL FROM:<${sender}>`);
    expect(await client.say("RCPT TO:<user@example.org>")).toContain(reply);
    client.socket.destroy();
  });

  it("are a user's own business once he has logged in, spoofing excepted where logins are not exempt", async () => {
    const talk = async (sender: string, authenticated: boolean) => {
      server = await smtpTestServer({
        role: "submission",
        tls: "optional",
        dns: dns.server,
        plugins: [fixture, [plugin, optionsOf(plugin, { ownDomain: "reject", exempt: { authenticated } })]],
      });
      const client = await RawClient.open(server.port);
      await client.until(/^220 .*\r\n/m);
      await client.say("EHLO client.example");
      await client.say("STARTTLS");
      await client.startTls();
      await client.say("EHLO client.example");
      await client.say(`AUTH PLAIN ${Buffer.from("\0user@example.org\0secret").toString("base64")}`);
      await client.say(`MAIL FROM:<${sender}>`);
      const reply = await client.say("RCPT TO:<other@example.org>");
      client.socket.destroy();
      await server.close();
      server = null;
      return reply;
    };
    expect(await talk("ann@gone.example.net", true)).toMatch(/^250/);
    expect(await talk("ann@gone.example.net", false)).toMatch(/^450 4.1.8/);
    expect(await talk("user@example.org", false)).toMatch(/^250/);
  });

  it("are judged anew in each transaction, and for two clients apart", async () => {
    const client = await open({});
    const other = await RawClient.open(server?.port ?? 0, "127.0.0.8");
    await other.until(/^220 .*\r\n/m);
    await other.say("EHLO client.example");
    await Promise.all([client.say("MAIL FROM:<ann@laptop>"), other.say("MAIL FROM:<ann@a.example.net>")]);
    expect(await client.say("RCPT TO:<user@example.org>")).toMatch(/^504/);
    expect(await other.say("RCPT TO:<user@example.org>")).toMatch(/^250/);
    await client.say("RSET");
    await client.say("MAIL FROM:<ann@a.example.net>");
    expect(await client.say("RCPT TO:<user@example.org>")).toMatch(/^250/);
    client.socket.destroy();
    other.socket.destroy();
  });
});

describe("bounces", () => {
  async function data(sender: string, recipients: readonly string[], options: object = {}): Promise<string> {
    const client = await open(options);
    await client.say(`MAIL FROM:<${sender}>`);
    for (const recipient of recipients) await client.say(`RCPT TO:<${recipient}@example.org>`);
    const reply = await client.say("DATA");
    client.socket.destroy();
    return reply;
  }
  it("go to one recipient, be it an alias for several", async () => {
    expect(await data("", ["user"])).toMatch(/^354/);
    expect(await data("", ["sales"])).toMatch(/^354/);
    expect(await data("", ["user", "user"])).toMatch(/^354/);
    expect(await data("ann@a.example.net", ["user", "other"])).toMatch(/^354/);
  });
  it("are refused with several", async () => {
    expect(await data("", ["user", "other"])).toBe("550 5.5.3 Multi-recipient bounce");
    expect(
      await data("", ["user", "other"], { multiRecipientBounce: "defer", texts: { multiRecipientBounce: "One!" } }),
    ).toBe("450 4.5.3 One!");
    expect(await data("", ["user", "other"], { multiRecipientBounce: "off" })).toMatch(/^354/);
  });
});
