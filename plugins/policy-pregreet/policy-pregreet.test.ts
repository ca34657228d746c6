import { definePlugin, KeyValue, Tables } from "postern/plugin";
import {
  fixture,
  kernelWith,
  optionsOf,
  RawClient,
  type SmtpTestOptions,
  type SmtpTestServer,
  sessionOf,
  smtpTestServer,
  type TemporaryKeyValue,
  tablesOf,
  temporaryKeyValue,
} from "postern/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import plugin from "./index.ts";
import { WaitingRoom } from "./waiting-room.ts";

let kv: TemporaryKeyValue;
let servers: SmtpTestServer[] = [];
beforeEach(async () => {
  kv = await temporaryKeyValue();
});
afterEach(async () => {
  for (const server of servers) await server.close();
  servers = [];
  await kv.close();
});

async function open(options: object, more: Partial<SmtpTestOptions> = {}): Promise<SmtpTestServer> {
  const keeping = definePlugin({
    name: "kv-fixture",
    api: 1,
    provides: { kv: KeyValue },
    setup: () => ({ provides: { kv } }),
  });
  const server = await smtpTestServer({ plugins: [fixture, keeping, [plugin, optionsOf(plugin, options)]], ...more });
  servers.push(server);
  return server;
}

const banner = /^220 mx\.example\.org ESMTP.*\r\n/;
/** Longer than any test. */
const LONG = { greetWait: "20s" };
const SHORT = { greetWait: "50ms" };

describe("a stranger", () => {
  it("that waits is greeted, and known from then on, on every worker", async () => {
    const { port } = await open(SHORT);
    const client = await RawClient.open(port);
    await client.until(banner);
    expect(await client.say("EHLO client.example")).toMatch(/^250 /);
    const other = await open(LONG);
    await (await RawClient.open(other.port)).until(banner);
  });

  it("that speaks first is refused at once, and stays a stranger", async () => {
    const { port } = await open(LONG);
    for (let round = 0; round < 2; round += 1) {
      const client = await RawClient.open(port);
      client.send("EHLO bot.example\r\nMAIL FROM:<>\r\n");
      expect(await client.closed()).toBe("554 Spoke before the greeting\r\n");
    }
  });

  it("is told what the administrator wrote, for now or for good", async () => {
    const { port } = await open({ ...LONG, action: "defer", text: "Patience, {address}" });
    const client = await RawClient.open(port, "127.0.0.7");
    client.send("x");
    expect(await client.closed()).toBe("421 Patience, 127.0.0.7\r\n");
  });

  it("that leaves is forgotten, and is not known", async () => {
    const { port } = await open({ ...LONG, waiting: 1 });
    const gone = await RawClient.open(port, "127.0.0.3");
    gone.socket.destroy();
    // Its place is free again: the next one is asked to wait, and does not.
    for (;;) {
      const client = await RawClient.open(port, "127.0.0.4");
      client.send("HELO x\r\n");
      if ((await client.closed()).startsWith("554")) break;
    }
    expect(await kv.space("policy-pregreet").get("127.0.0.3")).toBeNull();
  });

  it("is greeted at once where too many wait", async () => {
    const { port } = await open({ ...LONG, waiting: 2 });
    const waiting = [await RawClient.open(port, "127.0.0.3"), await RawClient.open(port, "127.0.0.4")];
    await (await RawClient.open(port, "127.0.0.5")).until(banner);
    expect(waiting.map(({ received }) => received)).toEqual(["", ""]);
    for (const { socket } of waiting) socket.destroy();
  });
});

describe("nobody waits", () => {
  it.each<[string, object, Partial<SmtpTestOptions>]>([
    ["in a network of ours", { exempt: { networks: ["127.0.0.0/8"] } }, {}],
    ["of a listed network", { exemptClients: ["inline:{127.0.0=x}"] }, {}],
    ["on a submission listener", {}, { role: "submission" }],
    ["over LMTP", {}, { role: "lmtp" }],
  ])("%s", async (_, options, more) => {
    const { port } = await open({ ...LONG, ...options }, more);
    await (await RawClient.open(port)).until(/^220 /);
  });

  it("with implicit TLS, or where core cannot tell who speaks first", async () => {
    const services = [kv.service, [Tables, tablesOf()] as const];
    const kernel = await kernelWith({ services }, [plugin, optionsOf(plugin, LONG)]);
    const tls = { protocol: "TLSv1.3", cipher: "x", servername: null, clientCertificate: null };
    for (const session of [sessionOf({ tls }), { ...sessionOf() }]) {
      expect((await kernel.policy("connect", session)).verdict.verdict).toBe("proceed");
    }
  });
});

it("is for the greeting: whom XCLIENT names later is not asked", async () => {
  const kernel = await kernelWith({ services: [kv.service, [Tables, tablesOf()] as const] }, [
    plugin,
    optionsOf(plugin, LONG),
  ]);
  const session = sessionOf();
  session.speakEarly();
  expect((await kernel.policy("connect", session)).verdict.verdict).toBe("reject");
  session.remote = { address: "192.0.2.2", port: 1, hostname: null };
  expect((await kernel.policy("connect", session)).verdict.verdict).toBe("proceed");
});

describe("a waiting room", () => {
  it("forgets whoever has spoken, waited or left", async () => {
    const room = new WaitingRoom(3);
    const given = new AbortController();
    const [early, late, gone] = [sessionOf(), sessionOf(), sessionOf()];
    const all = Promise.all([early, late, gone].map((one) => room.wait(one, one === late ? 1 : 60_000, given.signal)));
    expect(room.isFull).toBe(true);
    early.speakEarly();
    room.leave(gone);
    expect(await all).toEqual(["spoke", "waited", "left"]);
    expect(room.isFull).toBe(false);
    expect(await room.wait(early, 60_000, given.signal)).toBe("spoke");
    const last = room.wait(sessionOf(), 60_000, given.signal);
    given.abort();
    expect(await last).toBe("left");
  });
});

it("defers when it cannot know who is a stranger", async () => {
  const { port } = await open(LONG);
  await kv.close();
  const client = await RawClient.open(port);
  expect(await client.closed()).toMatch(/^421 /);
  kv = await temporaryKeyValue();
});
