import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  fixture,
  keptLog,
  optionsOf,
  RawClient,
  type SmtpTestServer,
  smtpTestServer,
  startDnsServer,
  type TestDnsServer,
} from "postern/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import plugin from "./index.ts";
import { type Answer, type ScriptedPolicyServer, startPolicyServer } from "./scripted-policy-server.ts";

let dns: TestDnsServer;
const closing: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  dns = await startDnsServer([
    { name: "8.0.0.127.in-addr.arpa", type: "PTR", data: "eight.example.net" },
    { name: "eight.example.net", type: "A", data: "127.0.0.8" },
    { name: "7.0.0.127.in-addr.arpa", type: "PTR", data: "eight.example.net" },
  ]);
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await dns.close();
});

async function policy(answer: Answer, path?: string): Promise<ScriptedPolicyServer> {
  const server = await startPolicyServer(answer, path);
  closing.push(() => server.close());
  return server;
}
async function front(address: string, options: object = {}) {
  const { log, lines } = keptLog();
  const plugins = [fixture, [plugin, optionsOf(plugin, { server: address, ...options })] as const];
  const server = await smtpTestServer({ dns: dns.server, log, plugins });
  closing.push(() => server.close());
  return { server, lines };
}
async function begin({ port }: SmtpTestServer, from = "127.0.0.9", sender = "ann@example.net"): Promise<RawClient> {
  const client = await RawClient.open(port, from);
  closing.push(async () => client.socket.destroy());
  await client.until(/^220 .*\r\n/m);
  await client.say("EHLO client.example");
  await client.say(`MAIL FROM:<${sender}>`);
  return client;
}
const content = async (client: RawClient) => {
  await client.say("DATA");
  return client.say("Subject: x\r\n\r\nx\r\n.");
};
const always =
  (action: string): Answer =>
  () =>
    `action=${action}\n\n`;

describe("actions at RCPT", () => {
  it.each([
    ["DUNNO", "250 2.1.5"],
    ["OK", "250 2.1.5"],
    ["REJECT", "550 5.7.1 Access denied"],
    ["REJECT 5.7.25 No such client", "550 5.7.25 No such client"],
    ["DEFER", "450 4.7.1 Try again later"],
    ["DEFER_IF_PERMIT Greylisted, see http://x", "450 4.7.1 Greylisted, see http://x"],
    ["DEFER_IF_REJECT later", "250"],
    ["450 4.2.0 Busy", "450 4.2.0 Busy"],
    ["554 no", "554 5.7.1 no"],
    ["421 4.7.0 Bye", "421 4.7.0 Bye"],
    ["WARN hm", "250"],
    ["NONSENSE", "451 4.3.5 Server configuration problem"],
    ["", "451 4.3.5"],
  ])("%s: %s", async (action, reply) => {
    const { server } = await front((await policy(always(action))).address);
    expect(await (await begin(server)).say("RCPT TO:<user@example.org>")).toContain(reply);
  });

  it("change the message", async () => {
    const answers = ["PREPEND X-Greylist: delayed", "BCC copy@example.org", "FILTER scan:[127.0.0.1]:10025"];
    const { server } = await front((await policy(() => `action=${answers.shift() ?? "DUNNO"}\n\n`)).address);
    const client = await begin(server);
    for (const name of ["user", "other", "postmaster"]) await client.say(`RCPT TO:<${name}@example.org>`);
    expect(await content(client)).toMatch(/^250/);
    const accepted = server.accepted.at(-1);
    expect(accepted?.text).toContain("X-Greylist: delayed\r\n");
    expect(accepted?.envelope.route).toEqual({ transport: "scan", nextHop: "[127.0.0.1]:10025" });
    expect(accepted?.envelope.recipients.map(({ address }) => address)).toContain("copy@example.org");
  });

  it("hold, redirect and discard the whole message", async () => {
    let action = "HOLD look at it";
    const { server } = await front((await policy(() => `action=${action}\n\n`)).address);
    const send = async () => {
      const client = await begin(server);
      await client.say("RCPT TO:<user@example.org>");
      return content(client);
    };
    expect(await send()).toMatch(/^250/);
    expect(server.accepted.at(-1)?.envelope.hold).toBe("look at it");
    action = "REDIRECT other@example.org";
    expect(await send()).toMatch(/^250/);
    expect(server.accepted.at(-1)?.envelope.recipients.map(({ address }) => address)).toEqual(["other@example.org"]);
    action = "DISCARD";
    expect(await send()).toMatch(/^250/);
    expect(server.accepted).toHaveLength(2);
  });
});

describe("what the server is told", () => {
  it("knows client, envelope and moment", async () => {
    const peer = await policy(always("DUNNO"));
    const { server } = await front(peer.address, { at: ["rcpt", "data", "end"], context: "mx" });
    const client = await begin(server, "127.0.0.8");
    await client.say("RCPT TO:<user@example.org>");
    await client.say("RCPT TO:<other@example.org>");
    await content(client);
    expect(peer.questions.map((asked) => asked.get("protocol_state"))).toEqual([
      "RCPT",
      "RCPT",
      "DATA",
      "END-OF-MESSAGE",
    ]);
    const [first, second, data, end] = peer.questions.map((asked) => Object.fromEntries(asked));
    expect(first).toMatchObject({
      request: "smtpd_access_policy",
      protocol_name: "ESMTP",
      client_address: "127.0.0.8",
      client_name: "eight.example.net",
      reverse_client_name: "eight.example.net",
      helo_name: "client.example",
      sender: "ann@example.net",
      recipient: "user@example.org",
      recipient_count: "0",
      size: "0",
      sasl_username: "",
      encryption_protocol: "",
      encryption_keysize: "0",
      policy_context: "mx",
      server_address: "127.0.0.1",
      server_port: String(server.port),
    });
    expect(second).toMatchObject({ recipient: "other@example.org", instance: first?.instance });
    expect(data).toMatchObject({ recipient: "", recipient_count: "2" });
    expect(end).toMatchObject({ recipient: "", recipient_count: "2", size: String("Subject: x\r\n\r\nx\r\n".length) });
    expect(new Set(peer.questions.map((asked) => asked.get("instance"))).size).toBe(1);
  });

  it("knows a name that does not lead back as reverse name only, and the null sender as nothing", async () => {
    const peer = await policy(always("DUNNO"));
    const { server } = await front(peer.address);
    await (await begin(server, "127.0.0.7", "")).say("RCPT TO:<user@example.org>");
    await (await begin(server, "127.0.0.6", "")).say("RCPT TO:<user@example.org>");
    expect(peer.questions.map((asked) => [asked.get("client_name"), asked.get("reverse_client_name")])).toEqual([
      ["unknown", "eight.example.net"],
      ["unknown", "unknown"],
    ]);
    expect(peer.questions[0]?.get("sender")).toBe("");
    expect(peer.questions[0]?.get("instance")).not.toBe(peer.questions[1]?.get("instance"));
  });

  it("knows the size that was announced, and how the client has logged in", async () => {
    const peer = await policy(always("DUNNO"));
    const options = optionsOf(plugin, { server: peer.address, exempt: { authenticated: false } });
    const server = await smtpTestServer({
      ...{ role: "submission", tls: "optional", dns: dns.server },
      plugins: [fixture, [plugin, options]],
    });
    closing.push(() => server.close());
    const client = await RawClient.open(server.port);
    closing.push(async () => client.socket.destroy());
    await client.until(/^220 .*\r\n/m);
    await client.say("EHLO client.example");
    await client.say("STARTTLS");
    await client.startTls();
    await client.say("EHLO client.example");
    await client.say(`AUTH PLAIN ${Buffer.from("\0user@example.org\0secret").toString("base64")}`);
    await client.say("MAIL FROM:<user@example.org> SIZE=12345");
    await client.say("RCPT TO:<other@example.org>");
    await client.say("RSET");
    await client.say("MAIL FROM:<user@example.org>");
    await client.say("RCPT TO:<other@example.org>");
    const [announced, silent] = peer.questions.map((asked) => Object.fromEntries(asked));
    expect(announced).toMatchObject({ size: "12345", sasl_method: "PLAIN", sasl_username: "user@example.org" });
    expect(silent).toMatchObject({ size: "0" });
  });

  it("is nothing about exempt clients", async () => {
    const peer = await policy(always("REJECT"));
    const { server } = await front(peer.address, { exempt: { networks: ["127.0.0.0/8"] } });
    expect(await (await begin(server)).say("RCPT TO:<user@example.org>")).toMatch(/^250/);
    expect(peer.questions).toEqual([]);
  });
});

describe("connections", () => {
  it("serve many questions, those of two clients as well", async () => {
    const peer = await policy(always("DUNNO"));
    const { server } = await front(peer.address, { connections: 2 });
    const clients = await Promise.all(Array.from({ length: 8 }, () => begin(server)));
    const replies = await Promise.all(clients.map((client) => client.say("RCPT TO:<user@example.org>")));
    expect(replies.every((reply) => reply.startsWith("250"))).toBe(true);
    expect(peer.questions).toHaveLength(8);
    expect(peer.connections()).toBeLessThanOrEqual(2);
  });

  it("that the server has closed meanwhile are opened again", async () => {
    const peer = await policy(always("DUNNO"));
    const { server } = await front(peer.address);
    const client = await begin(server);
    expect(await client.say("RCPT TO:<user@example.org>")).toMatch(/^250/);
    peer.cut();
    expect(await client.say("RCPT TO:<other@example.org>")).toMatch(/^250/);
    expect(peer.connections()).toBe(2);
  });

  it("that are closed instead of an answer are tried again only where they had stood idle", async () => {
    let asked = 0;
    const peer = await policy(() => (++asked === 2 ? "close" : "action=DUNNO\n\n"));
    const { server } = await front(peer.address);
    const client = await begin(server);
    expect(await client.say("RCPT TO:<user@example.org>")).toMatch(/^250/);
    expect(await client.say("RCPT TO:<other@example.org>")).toMatch(/^250/);
    expect(asked).toBe(3);
    expect(peer.connections()).toBe(2);
  });

  it("go over a unix socket, and end with the server", async () => {
    const directory = await mkdtemp(join(tmpdir(), "postern-policy-"));
    closing.push(() => rm(directory, { recursive: true }));
    const peer = await policy(always("REJECT"), join(directory, "socket"));
    const { server } = await front(peer.address);
    expect(await (await begin(server)).say("RCPT TO:<user@example.org>")).toMatch(/^550/);
  });
});

describe("faults put the client off and are logged", () => {
  it.each<[string, Answer, string]>([
    ["a close", () => "close", "it closed the connection"],
    ["no action", () => "result=fine\n\n", "its answer has no action"],
    ["more than was asked for", () => "action=DUNNO\n\naction=OK\n\n", "it answered more than it was asked"],
    ["two actions", () => "action=DUNNO\naction=OK\n\n", "it answered more than it was asked"],
    ["an answer without end", () => `action=${"x".repeat(20_000)}`, "its answer is too long"],
    ["silence", () => null, "no answer in time"],
  ])("%s", async (name, answer, cause) => {
    const { server, lines } = await front(
      (await policy(answer)).address,
      name === "silence" ? { timeout: "500ms" } : {},
    );
    const client = await begin(server);
    expect(await client.say("RCPT TO:<user@example.org>")).toBe("451 4.3.5 Server configuration problem");
    expect(lines.filter(({ level }) => level === "error").map(({ fields }) => fields.cause)).toEqual([cause]);
  });

  it("nobody there", async () => {
    const peer = await startPolicyServer(always("OK"));
    await peer.close();
    const { server } = await front(peer.address);
    expect(await (await begin(server)).say("RCPT TO:<user@example.org>")).toMatch(/^451 4.3.5/);
    const other = await front(peer.address, { fallback: "DUNNO" });
    expect(await (await begin(other.server)).say("RCPT TO:<user@example.org>")).toMatch(/^250/);
  });

  it("nobody waits for ever in front of a server that is stuck", async () => {
    const { server } = await front((await policy(() => null)).address, { connections: 1, timeout: "500ms" });
    const clients = await Promise.all([begin(server), begin(server), begin(server)]);
    const replies = await Promise.all(clients.map((client) => client.say("RCPT TO:<user@example.org>")));
    expect(replies.every((reply) => reply.startsWith("451 4.3.5"))).toBe(true);
  });
});

it.each([
  [{ server: "127.0.0.1:10023" }, "expected inet:host:port or unix:path"],
  [{ server: "inet:127.0.0.1:0" }, "expected inet"],
  [{ server: "inet:[nonsense]:25" }, "expected inet"],
  [{ server: "unix:/x", fallback: "MAYBE" }, 'fallback: "MAYBE" is no action'],
])("a slip keeps the server from starting: %j", async (options, said) => {
  await expect(smtpTestServer({ dns: dns.server, plugins: [[plugin, optionsOf(plugin, options)]] })).rejects.toThrow(
    said,
  );
});
