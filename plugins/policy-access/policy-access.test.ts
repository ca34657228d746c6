import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plugin } from "postern/plugin";
import { definePlugin, proceed, reject } from "postern/plugin";
import {
  fixture,
  keptLog,
  kernelWith,
  optionsOf,
  RawClient,
  type SmtpTestServer,
  smtpTestServer,
  startDnsServer,
  type TestDnsServer,
  tablesService,
} from "postern/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import plugin from "./index.ts";

let dns: TestDnsServer;
let server: SmtpTestServer | null = null;
const { log, lines } = keptLog();
beforeEach(async () => {
  dns = await startDnsServer([
    { name: "host.example.net", type: "A", data: "127.0.0.9" },
    { name: "9.0.0.127.in-addr.arpa", type: "PTR", data: "host.example.net" },
    { name: "8.0.0.127.in-addr.arpa", type: "PTR", data: "liar.example.com" },
    { name: "example.net", type: "MX", data: { preference: 1, exchange: "mx.spam.example" } },
    { name: "example.net", type: "NS", data: "ns.spam.example" },
    { name: "example.net", type: "A", data: "192.0.2.5" },
    { name: "sub.example.net", type: "A", data: "192.0.2.6" },
    { name: "mx.spam.example", type: "A", data: "192.0.2.66" },
    { name: "ns.spam.example", type: "A", data: "192.0.2.77" },
  ]);
  dns.failing.add("broken.example");
});
afterEach(async () => {
  await server?.close();
  server = null;
  await dns.close();
});

interface Said {
  readonly helo: string;
  readonly mail: string;
  readonly rcpt: readonly string[];
  readonly data: string;
  readonly end: string;
}

interface Dialogue {
  readonly helo?: string;
  readonly from?: string;
  readonly to?: readonly string[];
  readonly client?: string;
  readonly others?: readonly Plugin[];
  readonly options?: object;
}

async function open(checks: readonly object[], { others = [], options = {} }: Dialogue): Promise<SmtpTestServer> {
  server = await smtpTestServer({
    dns: dns.server,
    log,
    plugins: [fixture, [plugin, optionsOf(plugin, { checks, ...options })], ...others],
  });
  return server;
}

async function talk(checks: readonly object[], how: Dialogue = {}): Promise<Said> {
  const { port } = await open(checks, how);
  const client = await RawClient.open(port, how.client ?? "127.0.0.9");
  await client.until(/^220 .*\r\n/m);
  const helo = await client.say(`EHLO ${how.helo ?? "client.example.net"}`);
  const mail = await client.say(`MAIL FROM:<${how.from ?? "ann@example.net"}>`);
  const rcpt: string[] = [];
  for (const to of how.to ?? ["user@example.org"]) rcpt.push(await client.say(`RCPT TO:<${to}>`));
  const data = await client.say("DATA");
  const end = data.startsWith("354") ? await client.say("Subject: x\r\n\r\nbody\r\n.") : "";
  client.socket.destroy();
  return { helo, mail, rcpt, data, end };
}

const on = (check: string, map: string, more: object = {}) => ({ check, maps: [map], ...more });
const first = async (checks: readonly object[], how?: Dialogue) => (await talk(checks, how)).rcpt[0];

describe("what is looked up", () => {
  it.each([
    [
      "client by its verified name",
      on("client", "inline:{ {host.example.net=REJECT by name} }"),
      {},
      /^554 5\.7\.1 .*host\.example\.net\[127\.0\.0\.9\].*Client host rejected: by name/,
    ],
    [
      "client by a parent of its name",
      on("client", "inline:{ example.net=REJECT }"),
      {},
      /^554 5\.7\.1 .*Client host rejected: Access denied/,
    ],
    ["client by its address", on("client", "inline:{ 127.0.0.9=REJECT }"), {}, /^554/],
    ["client by its network", on("client", "cidr:{ { 127.0.0.0/8 REJECT } }"), {}, /^554/],
    ["client by octets", on("client", "inline:{ 127.0=REJECT }"), {}, /^554/],
    [
      "client without a name that holds",
      on("client", "inline:{ unknown=REJECT }"),
      { client: "127.0.0.8" },
      /^554.*unknown\[127\.0\.0\.8\]/,
    ],
    [
      "client, unverified",
      on("reverseClient", "inline:{ .example.com=REJECT }"),
      { client: "127.0.0.8" },
      /^554.*liar\.example\.com\[127\.0\.0\.8\].*Unverified Client host/,
    ],
    [
      "helo",
      on("helo", "pcre:{ { /^bad\\./ 550 5.7.25 Go } }"),
      { helo: "bad.example.net" },
      /^550 5\.7\.25 <bad\.example\.net>: Helo command rejected: Go/,
    ],
    [
      "sender",
      on("sender", "inline:{ ann@example.net=REJECT }"),
      {},
      /^554 5\.7\.1 <ann@example\.net>: Sender address rejected/,
    ],
    [
      "sender by a parent domain",
      on("sender", "inline:{ example.net=REJECT }"),
      { from: "ann@a.b.example.net" },
      /^554/,
    ],
    ["sender by local part", on("sender", "inline:{ ann@=REJECT }"), { from: "ann+x@example.net" }, /^554/],
    ["null sender", on("sender", "inline:{ <>=REJECT }"), { from: "" }, /^554 5\.7\.1 <>: Sender/],
    ["recipient", on("recipient", "inline:{ user@example.org=450 }"), {}, /^250/],
    [
      "recipient, deferred",
      on("recipient", "inline:{ {user@example.org=450 4.2.1 Later} }"),
      {},
      /^450 4\.2\.1 <user@example\.org>: Recipient address rejected: Later/,
    ],
    ["sender's MX by name", on("senderMx", "inline:{ spam.example=REJECT }"), {}, /^554/],
    ["sender's MX by address", on("senderMx", "inline:{ 192.0.2.66=REJECT }"), {}, /^554/],
    [
      "sender's name servers, of the zone above",
      on("senderNs", "cidr:{ { 192.0.2.77 REJECT } }"),
      { from: "a@sub.example.net" },
      /^554/,
    ],
    ["sender's addresses", on("senderA", "inline:{ 192.0.2.5=REJECT }"), {}, /^554/],
    [
      "sender's MX where it has none",
      on("senderMx", "inline:{ 192.0.2.6=REJECT }"),
      { from: "a@sub.example.net" },
      /^554/,
    ],
    ["helo's addresses", on("heloA", "inline:{ 192.0.2.6=REJECT }"), { helo: "sub.example.net" }, /^554/],
    ["helo's literal", on("heloA", "inline:{ 192.0.2.7=REJECT }"), { helo: "[192.0.2.7]" }, /^554/],
    ["what is not there", on("sender", "inline:{ bob@example.net=REJECT }"), {}, /^250/],
    [
      "DNS that cannot tell",
      on("senderMx", "inline:{ x=REJECT }"),
      { from: "a@broken.example" },
      /^451 4\.4\.3|^450 4\.4\.3/,
    ],
  ])("%s", async (_, check, how, expected) => {
    expect(await first([check], how)).toMatch(expected);
  });

  it("an authenticated user by login", async () => {
    const { port } = await open([on("login", "inline:{ {user@example.org=REJECT not you} }")], {});
    const client = await RawClient.open(port);
    await client.until(/^220 .*\r\n/m);
    await client.say("EHLO x.example");
    const plain = Buffer.from("\0user@example.org\0secret").toString("base64");
    expect(await client.say(`AUTH PLAIN ${plain}`)).toMatch(/^235/);
    await client.say("MAIL FROM:<a@example.net>");
    expect(await client.say("RCPT TO:<user@example.org>")).toMatch(
      /^554 5\.7\.1 <user@example\.org>: SASL login name rejected: not you/,
    );
    client.socket.destroy();
  });
});

describe("what becomes of it", () => {
  const strict = definePlugin({
    name: "policy-strict",
    api: 1,
    setup: () => ({ hooks: { mailFrom: () => reject("strict"), rcptTo: () => proceed } }),
  });

  it("OK ends the chain of its hook, and of that one only", async () => {
    expect(await first([on("sender", "inline:{ example.net=OK }")], { others: [strict] })).toMatch(/^250/);
    await server?.close();
    expect(await first([on("client", "inline:{ 127.0.0.9=OK }")], { others: [strict] })).toMatch(/^550.*strict/);
    await server?.close();
    expect(await first([on("client", "inline:{ 127.0.0.9=OK }", { at: "mailFrom" })], { others: [strict] })).toMatch(
      /^250/,
    );
  });

  it("OK grants no relay", async () => {
    const checks = [on("client", "static:OK"), on("sender", "static:OK"), on("recipient", "static:OK")];
    expect(await first(checks, { to: ["friend@elsewhere.example"] })).toMatch(/^55. 5\.7\.1/);
  });

  it("DUNNO goes on to the next check, without asking for parents", async () => {
    const checks = [
      on("sender", "inline:{ ann@example.net=DUNNO example.net=REJECT }"),
      on("sender", "inline:{ {example.net=REJECT second} }"),
    ];
    expect(await first(checks)).toMatch(/second/);
  });

  it("421 closes the connection", async () => {
    const { port } = await open([on("client", "inline:{ {127.0.0.9=421 4.7.0 Bye} }")], {});
    const client = await RawClient.open(port, "127.0.0.9");
    expect(await client.until(/^421 .*\r\n/m)).toMatch(/^421 .*Bye/);
    client.socket.destroy();
  });

  it("headers, holds, recipients and routes change with the message, whichever check named them", async () => {
    const { end } = await talk([
      on("client", "inline:{ {127.0.0.9=PREPEND X-First: 1} }"),
      on("helo", "inline:{ {client.example.net=HOLD look} }"),
      on("sender", "inline:{ {example.net=PREPEND X-Second: 2} }"),
      on("recipient", "inline:{ {user@example.org=BCC other@example.org} }"),
      on("sender", "static:FILTER scan:[127.0.0.1]:10025"),
    ]);
    expect(end).toMatch(/^250/);
    const [accepted] = server?.accepted ?? [];
    expect(accepted?.text).toMatch(/X-First: 1\r\nX-Second: 2\r\n/);
    expect(accepted?.envelope).toMatchObject({
      hold: "look",
      route: { transport: "scan", nextHop: "[127.0.0.1]:10025" },
    });
    expect(accepted?.envelope.recipients.map(({ address }) => address)).toEqual([
      "user@example.org",
      "other@example.org",
    ]);
  });

  it("REDIRECT replaces all recipients", async () => {
    await talk([on("recipient", "inline:{ {user@example.org=REDIRECT other@example.org} }")], {
      to: ["user@example.org", "postmaster@example.org"],
    });
    expect(server?.accepted[0]?.envelope.recipients.map(({ address }) => address)).toEqual(["other@example.org"]);
  });

  it("DISCARD takes the message and keeps nothing", async () => {
    const { end } = await talk([on("sender", "static:DISCARD junk")]);
    expect(end).toMatch(/^250/);
    expect(server?.accepted).toEqual([]);
  });

  it("DEFER_IF_PERMIT puts off what nobody refuses, and leaves a refusal what it is", async () => {
    const checks = [on("sender", "inline:{ {example.net=DEFER_IF_PERMIT wait} }")];
    const permitted = await talk(checks);
    expect(permitted.rcpt[0]).toMatch(/^250/);
    expect(permitted.data).toMatch(/^450 4\.7\.1 .*wait/);
    await server?.close();
    expect((await talk(checks, { to: ["nobody@example.org"] })).rcpt[0]).toMatch(/^550 5\.1\.1/);
    await server?.close();
    const one = await talk([on("recipient", "inline:{ {user@example.org=DEFER_IF_PERMIT wait} }")], {
      to: ["user@example.org", "other@example.org"],
    });
    expect(one.rcpt.map((reply) => reply.slice(0, 3))).toEqual(["450", "250"]);
  });

  it("DEFER_IF_REJECT puts off what this entry would refuse later, and nothing that others refuse", async () => {
    const soft = on("sender", "inline:{ {example.net=DEFER_IF_REJECT wait} }");
    const hard = on("recipient", "inline:{ {user@example.org=REJECT go away} {other@example.org=OK} }");
    const to = ["user@example.org", "other@example.org"];
    const refused = await talk([soft, hard], { to });
    expect(refused.rcpt[0]).toMatch(/^450 4\.7\.1 .*wait/);
    expect(refused.rcpt[1]).toMatch(/^250/);
    expect(refused.data).toMatch(/^354/);
    await server?.close();
    // What was refused before stays refused, and so does what another plugin refuses.
    expect((await talk([hard, on("sender", "static:DEFER_IF_REJECT wait", { at: "rcptTo" })], { to })).rcpt[0]).toMatch(
      /^554 5\.7\.1 .*go away/,
    );
    await server?.close();
    expect((await talk([soft], { to: ["nobody@example.org"] })).rcpt[0]).toMatch(/^550 5\.1\.1/);
    await server?.close();
    // Said of one recipient, it concerns this one only.
    const one = on("recipient", "inline:{ {user@example.org=DEFER_IF_REJECT wait} }");
    const each = await talk([one, on("recipient", "static:REJECT go away")], { to });
    expect(each.rcpt.map((reply) => reply.slice(0, 3))).toEqual(["450", "554"]);
    await server?.close();
    // From HELO on to the sender.
    const early = [on("helo", "static:DEFER_IF_REJECT wait"), on("sender", "static:REJECT go away")];
    expect((await talk(early)).rcpt[0]).toMatch(/^450 4\.7\.1 .*wait/);
  });

  it("asks once a transaction for what is no recipient's, also at RCPT", async () => {
    await talk([on("sender", "static:PREPEND X-Seen: once", { at: "rcptTo" })], {
      to: ["user@example.org", "other@example.org"],
    });
    expect(server?.accepted[0]?.text.match(/X-Seen/g)).toHaveLength(1);
  });

  it("forgets what an earlier EHLO and an earlier transaction brought", async () => {
    const { port } = await open(
      [
        on("helo", "inline:{ {one.example=PREPEND X-Helo: one} }"),
        on("sender", "inline:{ {a@x.example=PREPEND X-From: a} }"),
      ],
      {},
    );
    const client = await RawClient.open(port);
    await client.until(/^220 .*\r\n/m);
    for (const line of [
      "EHLO one.example",
      "MAIL FROM:<a@x.example>",
      "EHLO two.example",
      "MAIL FROM:<b@x.example>",
      "RCPT TO:<user@example.org>",
      "DATA",
    ])
      await client.say(line);
    expect(await client.say("Subject: x\r\n\r\nbody\r\n.")).toMatch(/^250/);
    client.socket.destroy();
    expect(server?.accepted[0]?.text).not.toMatch(/X-Helo|X-From/);
  });

  it("leaves those alone whom the operator exempts", async () => {
    const options = { exempt: { networks: ["127.0.0.9"] } };
    expect(await first([on("sender", "static:REJECT")], { options })).toMatch(/^250/);
  });
});

describe("mistakes put the mail off and are told", () => {
  it.each([
    ["no action", on("sender", "static:permit_mynetworks"), "no action of access(5)"],
    ["OK about servers that anybody can name", on("senderMx", "inline:{ spam.example=OK }"), "write DUNNO"],
  ])("%s", async (_, check, said) => {
    expect(await first([check])).toMatch(/^451 4\.3\.5 Server configuration error/);
    expect(lines.filter(({ level }) => level === "error").at(-1)?.text).toContain(said);
  });

  it("postern check finds what is no action", async () => {
    const kernel = await kernelWith(
      { services: [tablesService(), [{ name: "postern/resolver@1" }, {}], [{ name: "postern/client-names@1" }, {}]] },
      [
        plugin,
        optionsOf(plugin, {
          checks: [
            on("sender", "inline:{ a=REJECT b=permit_mynetworks {c=DUNNO} }"),
            on("client", "pcre:{ { /a/ REJECT $$ } { /(b)/ $1 x } { /c/ RJECT } }"),
            on("senderMx", "cidr:{ { 0.0.0.0/0 OK } }"),
          ],
        }),
      ],
    );
    expect((await kernel.check()).map(({ severity, text }) => `${severity}: ${text}`)).toEqual([
      expect.stringMatching(/^error: inline:.*, b: "permit_mynetworks" is no action/),
      expect.stringMatching(/^error: pcre:.*, line 3: "RJECT" is no action/),
      expect.stringMatching(/^error: cidr:.*, line 1: OK is no answer/),
    ]);
  });

  it("a table that never answers", async () => {
    expect(await first([on("sender", "fail:x")])).toMatch(/^451 4\.3\.0/);
  });

  it("a check before its time, and a table that is not there, keep the server from starting", async () => {
    const start = (checks: readonly object[]) =>
      kernelWith(
        { services: [tablesService(), [{ name: "postern/resolver@1" }, {}], [{ name: "postern/client-names@1" }, {}]] },
        [plugin, optionsOf(plugin, { checks })],
      );
    await expect(start([on("sender", "static:OK", { at: "helo" })])).rejects.toThrow("before mailFrom");
    await expect(start([on("recipient", "static:OK", { at: "data" })])).rejects.toThrow("for each recipient");
    await expect(start([on("sender", "hash:nowhere")])).rejects.toThrow("nowhere");
    expect(() => optionsOf(plugin, { checks: [on("sendr", "static:OK")] })).toThrow();
  });

  it("two clients at once: a file that changes is taken by both, and refuses neither by half", async () => {
    const directory = await mkdtemp(join(tmpdir(), "postern-access-"));
    const path = join(directory, "sender");
    await writeFile(path, "ann@example.net REJECT one\n");
    const { port } = await open([on("sender", `hash:${path}`)], {});
    const ask = async () => {
      const client = await RawClient.open(port);
      await client.until(/^220 .*\r\n/m);
      await client.say("EHLO x.example");
      await client.say("MAIL FROM:<ann@example.net>");
      const reply = await client.say("RCPT TO:<user@example.org>");
      client.socket.destroy();
      return reply;
    };
    expect(await Promise.all([ask(), ask()])).toEqual([expect.stringMatching(/one/), expect.stringMatching(/one/)]);
    await rm(directory, { recursive: true });
    expect(await ask()).toMatch(/one/);
  });
});
