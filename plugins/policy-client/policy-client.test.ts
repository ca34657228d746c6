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
    { name: "2.0.0.127.in-addr.arpa", type: "PTR", data: "good.example.net" },
    { name: "good.example.net", type: "A", data: "127.0.0.2" },
    { name: "3.0.0.127.in-addr.arpa", type: "PTR", data: "good.example.net" },
    { name: "5.0.0.127.in-addr.arpa", type: "PTR", data: "broken.example.net" },
  ]);
  dns.failing.add("4.0.0.127.in-addr.arpa").add("broken.example.net");
});
afterEach(async () => {
  await server?.close();
  await dns.close();
});

async function rcpt(from: string, options: object, to = "user@example.org"): Promise<string> {
  server = await smtpTestServer({ dns: dns.server, plugins: [fixture, [plugin, optionsOf(plugin, options)]] });
  const client = await RawClient.open(server.port, from);
  await client.until(/^220 .*\r\n/m);
  await client.say("EHLO client.example");
  expect(await client.say("MAIL FROM:<a@example.net>")).toMatch(/^250/);
  const reply = await client.say(`RCPT TO:<${to}>`);
  client.socket.destroy();
  return reply;
}

describe("names of clients", () => {
  it.each([
    ["one that leads back is fine", "127.0.0.2", { unconfirmed: "reject" }, "250 2.1.5"],
    [
      "none is put off by default",
      "127.0.0.9",
      {},
      "450 4.7.25 Client host rejected: cannot find your reverse hostname, [127.0.0.9]",
    ],
    ["none is refused on demand", "127.0.0.9", { noName: "reject" }, "554 5.7.25"],
    [
      "none is unconfirmed as well",
      "127.0.0.9",
      { noName: "off", unconfirmed: "reject" },
      "554 5.7.25 Client host rejected: cannot find your hostname",
    ],
    ["one that leads elsewhere is fine by default", "127.0.0.3", {}, "250 2.1.5"],
    ["one that leads elsewhere", "127.0.0.3", { unconfirmed: "defer" }, "450 4.7.25"],
    [
      "in the administrator's words",
      "127.0.0.3",
      { unconfirmed: "reject", texts: { unconfirmed: "{client} is not {name}" } },
      "554 5.7.25 127.0.0.3 is not good.example.net",
    ],
    ["DNS cannot tell", "127.0.0.4", { noName: "reject" }, "450 4.7.25 Client host rejected: cannot look up"],
    ["half of it is enough where only half is asked for", "127.0.0.5", { noName: "reject" }, "250 2.1.5"],
    ["the other half is not known now", "127.0.0.5", { unconfirmed: "reject" }, "450 4.7.25"],
    [
      "a client in an exempt network",
      "127.0.0.9",
      { noName: "reject", exempt: { networks: ["127.0.0.9"] } },
      "250 2.1.5",
    ],
    ["everything off", "127.0.0.9", { noName: "off" }, "250 2.1.5"],
  ])("%s", async (_, from, options, reply) => {
    expect(await rcpt(from, options)).toContain(reply);
  });

  it("does not keep postmaster from hearing of it", async () => {
    expect(await rcpt("127.0.0.9", { noName: "reject" }, "postmaster@example.org")).toContain("250 2.1.5");
  });
});

it("lapses when the client logs in, and only where that exempts", async () => {
  const talk = async (authenticated: boolean) => {
    server = await smtpTestServer({
      role: "submission",
      tls: "optional",
      dns: dns.server,
      plugins: [fixture, [plugin, optionsOf(plugin, { noName: "reject", exempt: { authenticated } })]],
    });
    const client = await RawClient.open(server.port, "127.0.0.9");
    await client.until(/^220 .*\r\n/m);
    await client.say("EHLO client.example");
    await client.say("STARTTLS");
    await client.startTls();
    await client.say("EHLO client.example");
    const plain = Buffer.from("\0user@example.org\0secret").toString("base64");
    expect(await client.say(`AUTH PLAIN ${plain}`)).toMatch(/^235/);
    await client.say("MAIL FROM:<user@example.org>");
    const reply = await client.say("RCPT TO:<other@example.org>");
    client.socket.destroy();
    await server.close();
    server = null;
    return reply;
  };
  expect(await talk(true)).toMatch(/^250/);
  expect(await talk(false)).toMatch(/^554 5.7.25/);
});
