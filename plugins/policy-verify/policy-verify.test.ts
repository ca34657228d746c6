import { accept, definePlugin, proceed, routed } from "postern/plugin";
import {
  fixture,
  keptLog,
  manualClock,
  optionsOf,
  RawClient,
  type Script,
  type ScriptedServer,
  type SmtpTestServer,
  smtpTestServer,
  startDnsServer,
  startScriptedServer,
  type TemporaryKeyValue,
  type TestDnsServer,
  temporaryKeyValue,
} from "postern/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import plugin from "./index.ts";

let dns: TestDnsServer;
let kv: TemporaryKeyValue;
const clock = manualClock();
const closing: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  dns = await startDnsServer([]);
  kv = await temporaryKeyValue({ clock });
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await kv.close();
  await dns.close();
});

async function peer(script: Script = {}): Promise<ScriptedServer> {
  const server = await startScriptedServer(script);
  closing.push(() => server.close());
  return server;
}

/** Takes mail for relay.example from anybody, and sends what is not ours to this port of loopback. */
const relayTo = (nextHop: () => string, transport = "smtp") =>
  definePlugin({
    name: "policy-fixture",
    api: 1,
    setup: () => ({
      hooks: {
        destination: (_, { address }) => (address.domain.endsWith("relay.example") ? accept("relay domain") : proceed),
        route: () => routed(transport, nextHop()),
      },
    }),
  });

async function front(nextHop: string | (() => string), options: object = {}, transport?: string) {
  const { log, lines } = keptLog();
  const hop = typeof nextHop === "string" ? () => nextHop : nextHop;
  const server = await smtpTestServer({
    ...{ dns: dns.server, log, clock, services: [kv.service] },
    plugins: [fixture, relayTo(hop, transport), [plugin, optionsOf(plugin, { wait: "25s", ...options })]],
  });
  closing.push(() => server.close());
  return { server, lines };
}

async function begin({ port }: SmtpTestServer, sender = "ann@example.net", from = "127.0.0.9"): Promise<RawClient> {
  const client = await RawClient.open(port, from);
  closing.push(async () => client.socket.destroy());
  await client.until(/^220 .*\r\n/m);
  await client.say("EHLO client.example");
  await client.say(`MAIL FROM:<${sender}>`);
  return client;
}
const rcpt = async (server: SmtpTestServer, to = "bob@relay.example", sender?: string) =>
  (await begin(server, sender)).say(`RCPT TO:<${to}>`);
const at = ({ port }: { port: number }) => `[127.0.0.1]:${port}`;
const questions = ({ heard }: ScriptedServer) => heard.filter((line) => line.startsWith("RCPT"));

describe("recipients", () => {
  it.each<[string, Script, object, string]>([
    ["one that the next hop takes", {}, {}, "250 2.1.5"],
    [
      "one that it refuses",
      { RCPT: "550 5.1.1 no such user" },
      {},
      "550 5.1.1 <bob@relay.example>: Recipient address rejected: undeliverable address: host 127.0.0.1 said: 550 5.1.1 no such user",
    ],
    ["one that it refuses, put off", { RCPT: "550 no" }, { recipient: "defer" }, "450 4.1.1"],
    [
      "in the administrator's words",
      { RCPT: "550 no" },
      { texts: { recipient: "{address}: {reply}" } },
      "550 5.1.1 bob@relay.example: host 127.0.0.1 said: 550 no",
    ],
    [
      "one that it puts off",
      { RCPT: "450 4.2.0 greylisted" },
      {},
      "450 4.1.1 <bob@relay.example>: Recipient address rejected: unverified address",
    ],
    ["nobody is known where we are not welcome", { MAIL: "550 5.7.1 not you" }, {}, "450 4.1.1"],
    ["nor where there is no greeting for us", { greeting: "554 5.3.2 no" }, {}, "450 4.1.1"],
    ["nor where the connection is closed", { RCPT: "close" }, {}, "450 4.1.1"],
    ["nor where it ends with 421", { RCPT: "421 4.3.2 bye" }, {}, "450 4.1.1"],
    [
      "a broken handshake is no obstacle",
      { EHLO: "250-peer.example\r\n250 STARTTLS", STAR: "220 go on" },
      { timeout: "6s" },
      "250",
    ],
    ["a domain that is not asked about", { RCPT: "550 no" }, { recipientDomains: ["other.example"] }, "250"],
    ["a domain that is", { RCPT: "550 no" }, { recipientDomains: ["relay.example"] }, "550"],
    ["a client that is exempt", { RCPT: "550 no" }, { exempt: { networks: ["127.0.0.0/8"] } }, "250"],
    ["nothing is asked where that is off", { RCPT: "550 no" }, { recipient: "off" }, "250"],
  ])("%s", async (_, script, options, reply) => {
    const { server } = await front(at(await peer(script)), options);
    expect(await rcpt(server)).toContain(reply);
  });

  it("of ours are nobody else's business", async () => {
    const other = await peer({ RCPT: "550 no" });
    const { server } = await front(at(other));
    expect(await rcpt(server, "user@example.org")).toMatch(/^250/);
    expect(other.connections()).toBe(0);
  });

  it("are asked for with the null reverse-path and without content", async () => {
    const other = await peer({ EHLO: "250-peer.example\r\n250 PIPELINING" });
    const { server } = await front(at(other));
    await rcpt(server, "Bob@relay.example");
    expect(other.heard.slice(1, 3)).toEqual(["MAIL FROM:<>", "RCPT TO:<Bob@relay.example>"]);
    expect(other.heard.some((line) => line.startsWith("DATA"))).toBe(false);
    expect(other.contents).toEqual([]);
  });

  it("are asked for by an address of ours where that is wanted, and its own questions lead to no others", async () => {
    const other = await peer();
    const { server } = await front(at(other), { probeSender: "double-bounce@example.org", sender: "reject" });
    await rcpt(server);
    expect(other.heard[1]).toBe("MAIL FROM:<double-bounce@example.org>");
    const before = other.connections();
    expect(await rcpt(server, "carl@relay.example", "double-bounce@example.org")).toMatch(/^250/);
    expect(other.connections()).toBe(before);
  });

  it("go unasked where the next hop speaks another protocol", async () => {
    const other = await peer({ RCPT: "550 no" });
    const { server } = await front(at(other), {}, "pipe");
    expect(await rcpt(server)).toMatch(/^250/);
  });

  it("are unknown where there is no such host, or nobody listens", async () => {
    const gone = await startScriptedServer({});
    await gone.close();
    expect(await rcpt((await front(at(gone))).server)).toMatch(/^450 4.1.1/);
    dns.failing.add("broken.example");
    expect(await rcpt((await front("broken.example")).server, "dan@relay.example")).toMatch(/^450 4.1.1/);
    expect(await rcpt((await front("nowhere.example")).server, "eve@relay.example")).toContain(
      "5.1.2 There is no mail server",
    );
  });
});

describe("senders", () => {
  it("are asked for on demand, those of ours and the null one never", async () => {
    const other = await peer({ RCPT: (line) => (line.includes("liar") ? "550 5.1.1 unknown" : "250 ok") });
    const { server } = await front(at(other), { sender: "reject", recipient: "off" });
    expect(await rcpt(server, "user@example.org", "liar@example.net")).toContain(
      "550 5.1.7 <liar@example.net>: Sender address rejected: undeliverable address",
    );
    expect(await rcpt(server, "user@example.org", "ann@example.net")).toMatch(/^250/);
    const before = other.connections();
    expect(await rcpt(server, "user@example.org", "")).toMatch(/^250/);
    expect(await rcpt(server, "user@example.org", "other@example.org")).toMatch(/^250/);
    expect(other.connections()).toBe(before);
  });
});

describe("what was found out", () => {
  it("is kept, also for another worker, and after a restart", async () => {
    const other = await peer({ RCPT: (line) => (line.includes("bad") ? "550 no" : "250 ok") });
    const { server } = await front(at(other));
    await rcpt(server);
    await rcpt(server, "bad@relay.example");
    await rcpt(server, "BOB@relay.example");
    const worker = await front(at(other));
    expect(await rcpt(worker.server)).toMatch(/^250/);
    expect(await rcpt(worker.server, "bad@relay.example")).toContain("host 127.0.0.1 said: 550 no");
    expect(questions(other)).toHaveLength(2);
  });

  it("is asked anew in the background when it is old, and forgotten when it is too old", async () => {
    let reply = "250 ok";
    let told: () => void = () => undefined;
    const other = await peer({
      RCPT: () => {
        told();
        return reply;
      },
    });
    const { server } = await front(at(other));
    await rcpt(server);
    reply = "550 gone";
    clock.advance(7 * 86_400_000);
    const again = new Promise<void>((resolve) => {
      told = resolve;
    });
    expect(await rcpt(server)).toMatch(/^250/); // what is known counts until there is something new
    await again;
    await until(async () => (await rcpt(server)).startsWith("550"));
    expect(questions(other)).toHaveLength(2);
    reply = "250 ok";
    clock.advance(3 * 86_400_000 + 1);
    expect(await rcpt(server)).toMatch(/^250/);
  });

  it("is not lost by a question that nobody answers", async () => {
    let reply = "250 ok";
    const other = await peer({ RCPT: () => reply });
    const { server } = await front(at(other));
    await rcpt(server);
    reply = "450 later";
    clock.advance(8 * 86_400_000);
    await rcpt(server);
    await until(async () => questions(other).length === 2);
    expect(await rcpt(server)).toMatch(/^250/);
  });

  it("is not asked again at once where nobody knew", async () => {
    const other = await peer({ RCPT: "450 later" });
    const { server } = await front(at(other));
    expect(await rcpt(server)).toMatch(/^450/);
    expect(await rcpt(server)).toMatch(/^450/);
    expect(questions(other)).toHaveLength(1);
    clock.advance(60_001);
    expect(await rcpt(server)).toMatch(/^450/);
    expect(questions(other)).toHaveLength(2);
  });
});

describe("many questions", () => {
  it("for one address are one", async () => {
    const other = await peer();
    const { server } = await front(at(other));
    const clients = await Promise.all(Array.from({ length: 6 }, () => begin(server)));
    const replies = await Promise.all(clients.map((client) => client.say("RCPT TO:<bob@relay.example>")));
    expect(replies.every((reply) => reply.startsWith("250"))).toBe(true);
    expect(questions(other)).toHaveLength(1);
  });

  it("to one destination go one after the other", async () => {
    let open = 0;
    let most = 0;
    const other = await peer({
      MAIL: () => {
        most = Math.max(most, ++open);
        return "250 ok";
      },
      RCPT: () => {
        open -= 1;
        return "250 ok";
      },
    });
    const { server } = await front(at(other), { perDestination: 1, wait: "25s" });
    const clients = await Promise.all(Array.from({ length: 5 }, () => begin(server)));
    const replies = await Promise.all(clients.map((client, n) => client.say(`RCPT TO:<user${n}@relay.example>`)));
    expect(replies.every((reply) => reply.startsWith("250"))).toBe(true);
    expect([most, questions(other).length]).toEqual([1, 5]);
  });

  it("that lead back to ourselves end", async () => {
    const { server } = await front(() => at(server), { wait: "300ms", timeout: "1s" });
    expect(await rcpt(server)).toMatch(/^450 4.1.1/);
  });

  it("that take long do not keep the client, and count when they are answered", async () => {
    const answers: (() => void)[] = [];
    const { createServer } = await import("node:net");
    const slow = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      answers.push(() => {
        socket.write("220 peer.example\r\n");
        socket.setEncoding("latin1").on("data", (line: string) => {
          if (!socket.destroyed) socket.write(line.startsWith("QUIT") ? "221 bye\r\n" : "250 ok\r\n");
        });
      });
    });
    await new Promise<void>((resolve) => slow.listen(0, "127.0.0.1", resolve));
    closing.push(() => new Promise((resolve) => slow.close(resolve)));
    const { server } = await front(at(slow.address() as { port: number }), { wait: "200ms" });
    expect(await rcpt(server)).toMatch(/^450 4.1.1/);
    await until(async () => answers.length === 1);
    answers[0]?.();
    await until(async () => (await rcpt(server)).startsWith("250"));
    expect(answers).toHaveLength(1);
  });
});

it.each([
  [{ probeSender: "nobody" }, "probeSender is no address"],
  [{ recipientDomains: ["a b"] }, '"a b" is no domain'],
])("a slip keeps the server from starting: %j", async (options, said) => {
  await expect(front("x.example", options)).rejects.toThrow(said);
});

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${isSo}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
