import { definePlugin, reject } from "postern/plugin";
import {
  addressOf,
  envelopeOf,
  fixture,
  keptLog,
  manualClock,
  optionsOf,
  RawClient,
  type SmtpTestServer,
  sessionOf,
  smtpTestServer,
  startDnsServer,
  type TestDnsServer,
  type ZoneRecord,
} from "postern/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import plugin from "./index.ts";

const a = (name: string, data: string): ZoneRecord => ({ name, type: "A", data });
const txt = (name: string, data: string): ZoneRecord => ({ name, type: "TXT", data: [data] });
const v6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2";

let dns: TestDnsServer;
let server: SmtpTestServer | null = null;
beforeEach(async () => {
  dns = await startDnsServer([
    a("9.0.0.127.bad.example", "127.0.0.2"),
    a("9.0.0.127.bad.example", "127.0.0.10"),
    txt("9.0.0.127.bad.example", "https://bad.example/q?ip=127.0.0.9\r\n250 fine %s {client}"),
    a("9.0.0.127.worse.example", "127.0.0.4"),
    a("9.0.0.127.good.example", "127.0.5.2"),
    a("8.0.0.127.bad.example", "127.0.0.2"),
    a(`${v6}.bad.example`, "127.0.0.2"),
    a("*.dead.example", "127.0.0.2"),
    a("*.sold.example", "203.0.113.80"),
    a("*.busy.example", "127.255.255.254"),
    a("*.captive.example", "127.0.0.1"),
    a("spam.example.net.names.example", "127.0.0.2"),
    a("helo.example.net.names.example", "127.0.0.3"),
    a("example.org.names.example", "127.0.0.7"),
    a("client.example.net.names.example", "127.0.0.5"),
    { name: "8.0.0.127.in-addr.arpa", type: "PTR", data: "client.example.net" },
    a("client.example.net", "127.0.0.8"),
    a("9.0.0.127.unsure.example", "127.0.0.2"),
  ]);
  dns.failing.add("9.0.0.127.broken.example").add("1.0.0.127.unsure.example");
  dns.silent.add("9.0.0.127.silent.example");
});
afterEach(async () => {
  await server?.close();
  server = null;
  await dns.close();
});

interface Talk {
  readonly from?: string;
  readonly helo?: string;
  readonly sender?: string;
}
async function rcpt(options: object, { from = "127.0.0.9", helo = "x", sender = "ann@example.net" }: Talk = {}) {
  const { log, lines } = keptLog();
  server ??= await smtpTestServer({ dns: dns.server, log, plugins: [fixture, [plugin, optionsOf(plugin, options)]] });
  const client = await RawClient.open(server.port, from);
  await client.until(/^220 .*\r\n/m);
  await client.say(`EHLO ${helo}`);
  await client.say(`MAIL FROM:<${sender}>`);
  const reply = await client.say("RCPT TO:<user@example.org>");
  if (reply.startsWith("250")) {
    await client.say("DATA");
    await client.say("Subject: x\r\n\r\nx\r\n.");
  }
  client.socket.destroy();
  const label = server.accepted.at(-1)?.envelope.labels.dnsbl ?? null;
  return { reply, label, warnings: lines.filter(({ level }) => level === "warn") };
}

describe("lists of addresses", () => {
  it.each([
    [
      "a listed client",
      ["bad.example"],
      {},
      "554 5.7.1 Service unavailable; Client host [127.0.0.9] blocked using bad.example; https://bad.example/q?ip=127.0.0.9 250 fine %s {client}",
    ],
    [
      "a list without words",
      ["worse.example"],
      {},
      "554 5.7.1 Service unavailable; Client host [127.0.0.9] blocked using worse.example",
    ],
    [
      "in the administrator's words",
      ["bad.example"],
      { texts: { listed: "{list} says {code} of {client}, {score}" } },
      "554 5.7.1 bad.example says 127.0.0.2 of 127.0.0.9, 1",
    ],
    ["put off", ["bad.example"], { refusal: "defer" }, "450 4.7.1"],
    ["an answer that the filter wants", ["bad.example=127.0.0.[9..11]"], {}, "554"],
    ["an answer that the filter does not want", ["bad.example=127.0.0.3"], {}, "250"],
    ["less than the threshold", ["bad.example*2"], { threshold: 3 }, "250"],
    ["two lists together", ["bad.example*2", "worse.example"], { threshold: 3 }, "blocked using bad.example"],
    ["two answers of one list", ["bad.example=127.0.0.2*2", "bad.example=127.0.0.10"], { threshold: 3 }, "554"],
    ["a friend's word", ["bad.example*2", "worse.example*2", "good.example*-3"], { threshold: 2 }, "250"],
    ["an exempt network", ["bad.example"], { exempt: { networks: ["127.0.0.0/8"] } }, "250"],
  ])("%s", async (_, client, options, reply) => {
    expect((await rcpt({ client, ...options })).reply).toContain(reply);
  });

  it("say what they know in a label where nothing is refused", async () => {
    const { label } = await rcpt({ client: ["bad.example*2", "worse.example"], threshold: 4 });
    expect(label).toEqual({ score: 3, lists: ["bad.example", "worse.example"] });
    expect((await rcpt({}, { from: "127.0.0.7" })).label).toBeNull();
  });

  it("only tell where refusing is off", async () => {
    expect(await rcpt({ client: ["bad.example"], refusal: "off" })).toMatchObject({ label: { score: 1 } });
  });

  it("of friends speak for a client where that is wanted, and later policies are not asked", async () => {
    const strict = definePlugin({
      name: "policy-strict",
      api: 1,
      setup: () => ({ hooks: { rcptTo: () => reject("Nobody is good enough") } }),
    });
    const ask = async (options: object) => {
      server = await smtpTestServer({
        dns: dns.server,
        plugins: [fixture, [plugin, optionsOf(plugin, options)], strict],
      });
      const { reply } = await rcpt({});
      await server.close();
      server = null;
      return reply;
    };
    const client = ["good.example*-3", "bad.example"];
    expect(await ask({ client, allowFrom: -2 })).toMatch(/^250/);
    expect(await ask({ client, allowFrom: -3 })).toContain("Nobody is good enough");
    expect(await ask({ client })).toContain("Nobody is good enough");
  });

  it("are asked anew when XCLIENT names another client", async () => {
    const plugins = [[plugin, optionsOf(plugin, { client: ["bad.example"] })] as const];
    server = await smtpTestServer({ dns: dns.server, plugins });
    const { kernel } = server;
    const session = sessionOf({ remote: { address: "127.0.0.9", port: 1, hostname: null } });
    const ask = async () => {
      await kernel.policy("connect", session);
      const envelope = envelopeOf({ session });
      const recipient = envelope.addRecipient({ address: addressOf("user@example.org") });
      return (await kernel.policy("rcptTo", envelope, recipient)).verdict.verdict;
    };
    expect(await ask()).toBe("reject");
    session.remote = { address: "127.0.0.7", port: 1, hostname: null };
    expect(await ask()).toBe("proceed");
  });

  it("know IPv6 by its nibbles, and nothing of a unix socket", async () => {
    server = await smtpTestServer({
      dns: dns.server,
      plugins: [[plugin, optionsOf(plugin, { client: ["bad.example"] })]],
    });
    const { kernel } = server;
    const ask = async (address: string) => {
      const session = sessionOf({ remote: { address, port: 1, hostname: null } });
      const envelope = envelopeOf({ session });
      const recipient = envelope.addRecipient({ address: addressOf("user@example.org") });
      await kernel.policy("connect", session);
      return (await kernel.policy("rcptTo", envelope, recipient)).verdict.verdict;
    };
    expect(await ask("2001:db8::1")).toBe("reject");
    expect(await ask("2001:db8::2")).toBe("proceed");
    expect(await ask("::ffff:127.0.0.9")).toBe("reject");
    expect(await ask("unix")).toBe("proceed");
  });

  it("are asked once for all recipients and messages of a session, before the first of them", async () => {
    await rcpt({ client: ["bad.example=127.0.0.9", "bad.example=127.0.0.8"] });
    await rcpt({});
    expect(dns.asked.filter((asked) => asked === "A 9.0.0.127.bad.example")).toHaveLength(1);
  });
});

describe("lists of domains", () => {
  const names = ["names.example"];
  it.each([
    [
      "the sender's",
      { sender: names },
      { sender: "a@Spam.example.net" },
      "554 5.7.1 Service unavailable; Sender address [spam.example.net] blocked using names.example",
    ],
    [
      "the recipient's",
      { recipient: names },
      {},
      "554 5.7.1 Service unavailable; Recipient address [example.org] blocked using names.example",
    ],
    [
      "the recipient's beside a friend's word of the client",
      { recipient: names, client: ["good.example*-1"] },
      { from: "127.0.0.9" },
      "250",
    ],
    ["a sender that is not there", { sender: names }, { sender: "a@ham.example.net" }, "250"],
    ["nobody's", { sender: names }, { sender: "" }, "250"],
    ["a literal", { sender: names }, { sender: "a@[192.0.2.1]" }, "250"],
    ["the one in HELO", { helo: names }, { helo: "HELO.example.net." }, "Helo command [HELO.example.net] blocked"],
    ["no domain in HELO", { helo: names }, { helo: "[127.0.0.9]" }, "250"],
    ...["a".repeat(64), `${"b".repeat(60)}.`.repeat(4).slice(0, -1), "a..b"].map(
      (helo): [string, object, Talk, string] => [
        `no name of DNS (${helo.length} octets)`,
        { client: ["bad.example"], helo: ["names.example*-5"], onFailure: "defer" },
        { helo: `${helo}.example.net` },
        "554",
      ],
    ),
    ["the client's", { clientName: names }, { from: "127.0.0.8" }, "Client host [client.example.net] blocked"],
    ["a client without one", { clientName: names }, {}, "250"],
    [
      "an answer that the filter does not want",
      { sender: ["names.example=127.0.0.9"] },
      { sender: "a@spam.example.net" },
      "250",
    ],
  ])("%s", async (_, options, talk, reply) => {
    expect((await rcpt(options, talk)).reply).toContain(reply);
  });
});

describe("lists that cannot be believed", () => {
  it.each([
    ["one that lists everything", "dead.example", "lists everything"],
    ["one whose domain was sold", "sold.example", "answers that are none: 203.0.113.80"],
    ["one that says it was asked in a wrong way", "busy.example", "answers that are none: 127.255.255.254"],
    ["one that is a captive portal", "captive.example", "answers that are none: 127.0.0.1"],
    ["one that is away", "broken.example", "cannot be asked: ESERVFAIL"],
  ])("%s counts nothing, and the log says so once", async (_, zone, said) => {
    const { log, lines } = keptLog();
    server = await smtpTestServer({
      dns: dns.server,
      log,
      plugins: [fixture, [plugin, optionsOf(plugin, { client: [zone] })]],
    });
    expect((await rcpt({})).reply).toMatch(/^250/);
    expect((await rcpt({})).reply).toMatch(/^250/);
    const warnings = lines.filter(({ level }) => level === "warn");
    expect(warnings.map(({ text, fields }) => `${fields.list} ${text}`)).toEqual([expect.stringContaining(said)]);
    expect(warnings[0]?.fields.list).toBe(zone);
  });

  it("do not keep another list from being believed", async () => {
    const client = ["dead.example", "broken.example", "bad.example"];
    expect((await rcpt({ client })).reply).toContain("blocked using bad.example");
  });

  it("are not believed while nobody can tell whether they can be", async () => {
    expect((await rcpt({ client: ["unsure.example"] })).reply).toMatch(/^250/);
  });

  it("are looked at again after an hour", async () => {
    const clock = manualClock();
    server = await smtpTestServer({
      dns: dns.server,
      clock,
      plugins: [fixture, [plugin, optionsOf(plugin, { client: ["dead.example"] })]],
    });
    await rcpt({});
    const before = dns.asked.length;
    await rcpt({});
    expect(dns.asked.slice(before).filter((asked) => asked.endsWith("dead.example"))).toEqual([]);
    await clock.advance(3_600_001);
    await rcpt({});
    expect(dns.asked.slice(before)).toContain("A 1.0.0.127.dead.example");
  });

  it("put the client off where that is wanted", async () => {
    const client = ["broken.example"];
    expect((await rcpt({ client, onFailure: "defer" })).reply).toBe(
      "451 4.4.3 Service unavailable; block lists cannot be asked now",
    );
  });

  it("put the client off where a friend might have spoken for it", async () => {
    const client = ["bad.example", "broken.example*-5"];
    expect((await rcpt({ client })).reply).toMatch(/^450 4.7.1/);
  });

  it("that never answer are not waited for longer than was said", async () => {
    const client = ["bad.example", "silent.example"];
    expect((await rcpt({ client, wait: "3s" })).reply).toContain("blocked using bad.example");
  });
});

it.each(["nodot", "zen.example=127.0.0", "zen.example*0"])(
  "a slip keeps the server from starting: %s",
  async (entry) => {
    const plugins = [[plugin, optionsOf(plugin, { client: [entry] })] as const];
    await expect(smtpTestServer({ dns: dns.server, plugins })).rejects.toThrow(entry);
  },
);
