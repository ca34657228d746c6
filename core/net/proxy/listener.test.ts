import { once } from "node:events";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { definePlugin } from "../../kernel/define.ts";
import { proceed } from "../../kernel/verdicts.ts";
import { Client, Workbench } from "../../testing/connections.ts";
import { proxyHeaderV2 } from "../../testing/proxy-header.ts";
import { RawClient } from "../../testing/raw-client.ts";
import { smtpTestServer } from "../../testing/smtp-front.ts";
import type { ListenerSpec } from "../listener.ts";

const bench = new Workbench();
afterEach(() => bench.clear());

const LINE = "PROXY TCP4 192.0.2.7 198.51.100.1 8080 25\r\n";
const proxied = { proxyFrom: ["127.0.0.0/8"], tls: "none" } satisfies Partial<ListenerSpec>;
const v2 = proxyHeaderV2({ addresses: Buffer.from([192, 0, 2, 7, 198, 51, 100, 1, 0x1f, 0x90, 0, 25]) });

describe("behind a proxy", () => {
  it("the client is the one that is named, for policies as well", async () => {
    const asked: string[] = [];
    const plugin = definePlugin({
      name: "policy-see",
      api: 1,
      setup: () => ({
        hooks: {
          connect: (session) => {
            asked.push(session.remote.address);
            return proceed;
          },
        },
      }),
    });
    const { client, accepted } = await bench.listener({ spec: proxied, plugins: [plugin] });
    (await client()).send(`${LINE}a NOOP\r\n`);
    const connection = await accepted();
    expect(connection.session).toMatchObject({
      remote: { address: "192.0.2.7", port: 8080, hostname: null },
      local: { address: "198.51.100.1", port: 25 },
    });
    expect(asked).toEqual(["192.0.2.7"]);
    expect(String(await connection.reader.line(100))).toBe("a NOOP");
  });

  it.each([
    ["version 1", Buffer.from(`${LINE}hello\r\n`)],
    ["version 2", Buffer.concat([v2, Buffer.from("hello\r\n")])],
  ])("a header of %s may come octet by octet, the first words with its last one", async (_, octets) => {
    const { client, accepted } = await bench.listener({ spec: proxied });
    const { socket } = await client();
    socket.setNoDelay(true);
    for (const octet of octets.subarray(0, -8)) {
      socket.write(Buffer.from([octet]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.write(octets.subarray(-8));
    const connection = await accepted();
    expect(connection.session.remote.address).toBe("192.0.2.7");
    expect(String(await connection.reader.line(100))).toBe("hello");
  });

  it("TLS begins behind the header, in the same packet if the client likes", async () => {
    const certificates = await bench.certificates();
    const { client, accepted } = await bench.listener({ certificates, spec: { ...proxied, tls: "implicit" } });
    const plain = await client();
    plain.socket.removeAllListeners("data");
    plain.socket.cork();
    plain.socket.write(v2);
    const secure = new Client(connectTls({ socket: plain.socket, rejectUnauthorized: false }), "secureConnect");
    process.nextTick(() => plain.socket.uncork());
    await secure.connected;
    const connection = await accepted();
    expect(connection.session).toMatchObject({ remote: { address: "192.0.2.7" }, tls: { protocol: "TLSv1.3" } });
    secure.send("a\r\n");
    expect(String(await connection.reader.line(10))).toBe("a");
  });

  it("SMTP works, with the client's address in the trace", async () => {
    const server = await smtpTestServer({ listener: { proxyFrom: ["127.0.0.1"] }, plugins: [] });
    bench.defer(() => server.close());
    const client = await RawClient.open(server.port);
    client.send(`${LINE}`);
    await client.until(/^220 .*\r\n/m);
    expect(await client.say("EHLO client.example")).toMatch(/^250/);
    client.socket.destroy();
  });

  it.each([
    ["LOCAL", proxyHeaderV2({ command: 0, family: 0 })],
    ["UNKNOWN", Buffer.from("PROXY UNKNOWN\r\n")],
  ])("%s leaves the proxy's own address", async (_, header) => {
    const { client, accepted } = await bench.listener({ spec: proxied });
    (await client()).send(header);
    expect((await accepted()).session.remote.address).toBe("127.0.0.1");
  });

  it("limits count the client that is named", async () => {
    const limits = { connections: 10, connectionsPerAddress: 1 };
    const { client, accepted } = await bench.listener({ spec: { ...proxied, limits } });
    (await client()).send(LINE);
    await accepted();
    (await client()).send(LINE.replace("192.0.2.7", "192.0.2.8"));
    await accepted();
    const third = await client();
    third.send(LINE);
    expect(await third.ended()).toContain("Too many connections");
  });

  it("those who wait for a header count for the limit of the listener", async () => {
    const limits = { connections: 2, connectionsPerAddress: 10 };
    const { client } = await bench.listener({ spec: { ...proxied, limits } });
    await client();
    await client();
    expect(await (await client()).ended()).toContain("Too many connections");
  });

  it.each([
    ["none", "EHLO client.example\r\n", "no PROXY header"],
    ["a bad one", "PROXY TCP4 nonsense\r\n", "a bad PROXY line"],
    ["half of one", "PROXY TC", "half a PROXY header"],
  ])("%s closes the connection, with a line in the log", async (_, octets, cause) => {
    const served: unknown[] = [];
    const { client, lines } = await bench.listener({ spec: proxied, serve: (connection) => served.push(connection) });
    const one = await client();
    one.socket.end(octets);
    expect(await one.ended()).toBe("");
    expect(lines.filter(({ level }) => level === "warn")).toMatchObject([
      { fields: { listener: "test", proxy: "127.0.0.1", cause } },
    ]);
    expect(served).toEqual([]);
  });

  it("a header that does not come is not waited for", async () => {
    const { client, lines } = await bench.listener({ spec: { ...proxied, proxyTimeoutMs: 30 } });
    expect(await (await client()).ended()).toBe("");
    expect(lines.find(({ level }) => level === "warn")?.fields.cause).toBe("no PROXY header within 30 ms");
  });

  it("a client that is no proxy names nobody", async () => {
    const { client, accepted } = await bench.listener({ spec: { tls: "none", proxyFrom: ["192.0.2.0/24"] } });
    (await client()).send(LINE);
    const connection = await accepted();
    expect(connection.session.remote.address).toBe("127.0.0.1");
    expect(String(await connection.reader.line(100))).toBe(LINE.trimEnd());
  });

  it("closing the listener does not wait for those who said nothing", async () => {
    const { client, listener } = await bench.listener({ spec: proxied });
    const { socket } = await client();
    const closed = once(socket, "close");
    await listener.close(60_000);
    await closed;
  });
});
