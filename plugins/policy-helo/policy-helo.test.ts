import {
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

let dns: TestDnsServer;
let server: SmtpTestServer | null = null;
beforeEach(async () => {
  dns = await startDnsServer([
    { name: "host.example.net", type: "A", data: "192.0.2.1" },
    { name: "six.example.net", type: "AAAA", data: "2001:db8::1" },
    { name: "mx.example.net", type: "MX", data: { preference: 1, exchange: "host.example.net" } },
  ]);
  dns.failing.add("broken.example.net");
});
afterEach(async () => {
  await server?.close();
  await dns.close();
});

async function open(options: object, from = "127.0.0.9"): Promise<RawClient> {
  server = await smtpTestServer({ dns: dns.server, plugins: [fixture, [plugin, optionsOf(plugin, options)]] });
  const client = await RawClient.open(server.port, from);
  await client.until(/^220 .*\r\n/m);
  return client;
}

async function rcpt(helo: string, options: object, from?: string): Promise<string> {
  const client = await open(options, from);
  expect(await client.say(`EHLO ${helo}`)).toMatch(/^250/);
  await client.say("MAIL FROM:<a@example.net>");
  const reply = await client.say("RCPT TO:<user@example.org>");
  client.socket.destroy();
  return reply;
}

const unknown = { unknown: "reject" };
describe("what a client calls itself", () => {
  it.each([
    ["host.example.net", {}, "250 2.1.5"],
    ["no_such_host!", {}, "501 5.5.2 no_such_host!: Helo command rejected: Invalid name"],
    ["192.0.2.1", {}, "501 5.5.2"],
    ["192.0.2.1", { invalid: "defer" }, "450 4.5.2"],
    ["192.0.2.1", { invalid: "off" }, "250"],
    ["desktop", {}, "504 5.5.2 desktop: Helo command rejected: need fully-qualified hostname"],
    ["desktop", { nonFqdn: "off" }, "250"],
    ["desktop", { texts: { nonFqdn: "Who is {helo} at {client}?" } }, "504 5.5.2 Who is desktop at 127.0.0.9?"],
    ["MX.example.org", {}, "550 5.7.1 MX.example.org: Helo command rejected: that is this server's own name"],
    ["mail.example.org", { ownNames: ["Mail.example.org"] }, "550 5.7.1"],
    ["mx.example.org", { ownName: "off" }, "250"],
    ["[127.0.0.1]", {}, "550 5.7.1"],
    ["[127.0.0.9]", { wrongLiteral: "reject" }, "250"],
    ["[192.0.2.7]", {}, "250"],
    ["[192.0.2.7]", { wrongLiteral: "reject" }, "550 5.7.1 [192.0.2.7]: Helo command rejected: you are [127.0.0.9]"],
    ["example.org", {}, "250"],
    ["example.org", { ownDomain: "reject" }, "550 5.7.1 example.org: Helo command rejected: that domain lives here"],
    ["host.example.net", unknown, "250"],
    ["six.example.net", unknown, "250"],
    ["mx.example.net", unknown, "250"],
    ["gone.example.net", unknown, "550 5.7.1 gone.example.net: Helo command rejected: Host not found"],
    ["gone.example.net", { unknown: "defer" }, "450 4.7.1"],
    [
      "broken.example.net",
      unknown,
      "450 4.4.3 broken.example.net: Helo command rejected: cannot look up this name now",
    ],
  ])("%s with %j: %s", async (helo, options, reply) => {
    expect(await rcpt(helo, options)).toContain(reply);
  });

  it("may be our name where it is this machine", async () => {
    expect(await rcpt("mx.example.org", {}, "127.0.0.1")).toMatch(/^250/);
    expect(await rcpt("desktop", {}, "127.0.0.1")).toMatch(/^504/);
  });

  it("is no matter for exempt networks", async () => {
    expect(await rcpt("desktop", { exempt: { networks: ["127.0.0.0/8"] } })).toMatch(/^250/);
  });

  it("counts as it was said last", async () => {
    const client = await open({});
    await client.say("EHLO desktop");
    await client.say("EHLO host.example.net");
    await client.say("MAIL FROM:<a@example.net>");
    expect(await client.say("RCPT TO:<user@example.org>")).toMatch(/^250/);
    client.socket.destroy();
  });

  it("is asked for before MAIL, with or without this plugin", async () => {
    const client = await open({});
    expect(await client.say("MAIL FROM:<a@example.net>")).toMatch(/^503/);
    client.socket.destroy();
  });

  it("is refused at once where refusals are not delayed", async () => {
    server = await smtpTestServer({
      dns: dns.server,
      plugins: [fixture, [plugin, optionsOf(plugin, { exempt: { authenticated: false } })]],
      config: { delayReject: false },
    });
    const client = await RawClient.open(server.port, "127.0.0.9");
    await client.until(/^220 .*\r\n/m);
    expect(await client.say("HELO desktop")).toMatch(/^504 desktop: /);
    client.socket.destroy();
  });
});
