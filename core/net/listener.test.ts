import { once } from "node:events";
import { connect, createServer } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { definePlugin } from "../kernel/define.ts";
import { defer, proceed, reject } from "../kernel/verdicts.ts";
import { Client, listenerDeps as deps, listenerSpec as spec, Workbench } from "../testing/connections.ts";
import { networkOf } from "./connection-counts.ts";
import { openListener } from "./listener.ts";
import { greetingRefusal } from "./refusal-text.ts";

const bench = new Workbench();
afterEach(() => bench.clear());

describe("opening a listener", () => {
  it("that another process has is an error with name and address", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    bench.defer(() => other.close());
    const { port } = other.address() as { port: number };
    const opening = openListener(spec({ place: { at: "port", host: "127.0.0.1", port } }), await deps());
    await expect(opening).rejects.toMatchObject({
      code: "LISTEN_FAILED",
      message: `listener "imap-143": cannot listen on 127.0.0.1:${port}: the port is in use by another process`,
    });
  });

  it.each([
    [{ place: { at: "port" as const, host: "192.0.2.1", port: 0 } }, "does not have that address"],
    [{ place: { at: "path" as const, path: "/nonexistent/dir/lmtp" } }, "cannot listen on /nonexistent/dir/lmtp"],
    [{ tls: "implicit" as const }, 'tls is "implicit", but there is no certificate'],
    [{ tls: "required" as const }, 'tls is "required", but there is no certificate'],
    [{ proxyFrom: ["10.0.0.1/8"] }, 'proxy: "10.0.0.1/8" has bits behind its prefix'],
  ])("%j says what is wrong", async (change, expected) => {
    await expect(openListener(spec(change), await deps())).rejects.toThrow(expected);
  });

  it("works on all addresses, and shows IPv4 clients as such", async () => {
    const { accepted, listener } = await bench.listener({ spec: { place: { at: "port", host: null, port: 0 } } });
    if (!("port" in listener.address)) throw new Error("no port");
    const socket = connect(listener.address.port, "127.0.0.1");
    bench.defer(() => socket.destroy());
    const { session } = await accepted();
    expect(session).toMatchObject({
      protocol: "imap",
      listener: { name: "test", role: "imap" },
      remote: { address: "127.0.0.1", port: socket.localPort, hostname: null },
      local: { address: "127.0.0.1", port: listener.address.port },
      tls: null,
      identity: null,
    });
  });

  it("works on IPv6", async () => {
    const { accepted, listener } = await bench.listener({ spec: { place: { at: "port", host: "::1", port: 0 } } });
    if (!("port" in listener.address)) throw new Error("no port");
    const socket = connect(listener.address.port, "::1");
    bench.defer(() => socket.destroy());
    expect((await accepted()).session.remote.address).toBe("::1");
  });

  it.each([
    ["mx", "smtp"],
    ["submission", "smtp"],
    ["lmtp", "lmtp"],
    ["pop3", "pop3"],
    ["finger", "other"],
  ])("of the role %s has sessions of %s", async (role, protocol) => {
    const { pair } = await bench.listener({ spec: { role } });
    expect((await pair()).connection.session).toMatchObject({ protocol, listener: { role } });
  });
});

describe("limits", () => {
  it.each([
    ["imap", /^\* BYE \[UNAVAILABLE\] Too many connections[^\r\n]*\r\n$/],
    ["pop3", /^-ERR \[SYS\/TEMP\] Too many connections[^\r\n]*\r\n$/],
    ["mx", /^421 4\.7\.0 mx\.example\.org Too many connections[^\r\n]*\r\n$/],
    ["managesieve", /^BYE \(TRYLATER\) "Too many connections[^\r\n]*"\r\n$/],
    ["finger", /^$/],
  ])("on %s are told in the protocol's words, and end when a client leaves", async (role, expected) => {
    const { client, accepted, lines } = await bench.listener({
      spec: { role, limits: { connections: 10, connectionsPerAddress: 2 } },
    });
    const first = await client();
    const connection = await accepted();
    await client();
    await accepted();
    const refused = await client();
    expect(await refused.ended()).toMatch(expected);
    expect(lines.filter(({ level }) => level === "warn")).toHaveLength(1);
    const gone = once(connection.closed, "abort");
    first.socket.destroy();
    connection.close();
    await gone;
    await client();
    await accepted();
  });

  it("hold for all addresses together", async () => {
    const { client, accepted } = await bench.listener({
      spec: { limits: { connections: 1, connectionsPerAddress: 5 } },
    });
    await client();
    await accepted();
    expect(await (await client()).ended()).toContain("* BYE");
  });

  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", networkOf("2001:db8:1:2::1")],
    ["unix", "unix"],
    ["nonsense:", "nonsense:"],
  ])("count %s by its network", (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  it("tell networks of IPv6 apart", () => {
    expect(networkOf("2001:db8:1:3::1")).not.toBe(networkOf("2001:db8:1:2::1"));
    expect(networkOf("::1")).not.toBe(networkOf("2001:db8::1"));
  });
});

describe("implicit TLS", () => {
  const secure = async (port: number) => {
    const client = new Client(connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }), "secureConnect");
    bench.defer(() => client.socket.destroy());
    await client.connected;
    return client;
  };

  it("hands over a secured connection", async () => {
    const { port, accepted } = await bench.listener({
      certificates: await bench.certificates(),
      spec: { tls: "implicit" },
    });
    const client = await secure(port);
    const connection = await accepted();
    expect(connection.session.tls?.protocol).toBe("TLSv1.3");
    expect(connection.canStartTls).toBe(false);
    void connection.write("* OK\r\n");
    client.send("a NOOP\r\n");
    await client.until("* OK\r\n");
    expect(String(await connection.reader.line(100))).toBe("a NOOP");
  });

  it("logs a client that speaks in clear, and goes on", async () => {
    const { port, client, accepted, lines, listener } = await bench.listener({
      certificates: await bench.certificates(),
      spec: { tls: "implicit" },
    });
    const plain = await client();
    plain.send("EHLO client.example\r\n");
    await plain.ended();
    while (lines.length < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(lines.find(({ text }) => text === "TLS handshake failed")?.fields).toMatchObject({
      remote: "127.0.0.1",
      listener: "test",
    });
    await secure(port);
    await accepted();
    expect(listener.connections).toBe(1);
  });

  it("does not wait for a client that says nothing", async () => {
    const { client, lines } = await bench.listener({
      certificates: await bench.certificates(),
      spec: { tls: "implicit", handshakeTimeoutMs: 30 },
    });
    await (await client()).ended();
    while (lines.length < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(lines.find(({ text }) => text === "TLS handshake failed")?.fields.cause).toContain("30 ms");
  });

  it("refuses TLS 1.1", async () => {
    const { port } = await bench.listener({ certificates: await bench.certificates(), spec: { tls: "implicit" } });
    const old = connectTls({
      port,
      host: "127.0.0.1",
      rejectUnauthorized: false,
      minVersion: "TLSv1",
      maxVersion: "TLSv1.1",
      ciphers: "DEFAULT@SECLEVEL=0",
    });
    bench.defer(() => old.destroy());
    const [error] = await once(old, "error");
    expect(String(error)).toMatch(/alert|version|protocol/i);
  });
});

describe("policies", () => {
  const refusing = (verdict: ReturnType<typeof reject | typeof defer>) =>
    definePlugin({ name: "policy-refuse", api: 1, setup: () => ({ hooks: { connect: () => verdict } }) });

  it.each([
    ["imap", reject("Not you"), "* BYE Not you\r\n"],
    ["imap", defer("Later"), "* BYE [UNAVAILABLE] Later\r\n"],
    ["pop3", reject("Not you"), "-ERR [SYS/PERM] Not you\r\n"],
  ])("of %s refuse before the greeting", async (role, verdict, expected) => {
    const served: unknown[] = [];
    const { client } = await bench.listener({
      spec: { role },
      plugins: [refusing(verdict)],
      serve: (connection) => served.push(connection),
    });
    expect(await (await client()).ended()).toBe(expected);
    expect(served).toEqual([]);
  });

  it("that the room asks itself are not asked twice", async () => {
    const { pair } = await bench.listener({ plugins: [refusing(reject("No"))], policies: "room" });
    await pair();
  });

  it("are asked with what TLS said, and once", async () => {
    const asked: string[] = [];
    const plugin = definePlugin({
      name: "policy-see",
      api: 1,
      setup: () => ({
        hooks: {
          connect: () => {
            asked.push("connect");
            return proceed;
          },
          tls: async (session) => {
            await Promise.resolve();
            asked.push(`tls ${session.tls?.protocol}`);
            return proceed;
          },
          disconnect: () => {
            asked.push("disconnect");
          },
        },
      }),
    });
    const { port, accepted } = await bench.listener({
      certificates: await bench.certificates(),
      spec: { tls: "implicit" },
      plugins: [plugin],
    });
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
    const connection = await accepted();
    const gone = once(connection.closed, "abort");
    void connection.reader.line(10);
    socket.destroy();
    connection.close();
    await gone;
    while (!asked.includes("disconnect")) await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toEqual(["connect", "tls TLSv1.3", "disconnect"]);
  });
});

describe("refusals", () => {
  it("stay on one line and within what a reply may hold", () => {
    const refusal = { isTemporary: false, text: `a\r\n250 ok\u0000ü"\\${"x".repeat(600)}` };
    for (const protocol of ["smtp", "lmtp", "imap", "pop3", "managesieve"] as const) {
      const text = greetingRefusal(protocol, "mx.example.org", refusal) ?? "";
      expect(text).toMatch(/^[ -~]*\r\n$/);
      expect(text.length).toBeLessThan(512);
    }
    expect(greetingRefusal("managesieve", "h", { isTemporary: false, text: 'a"b' })).toBe('BYE "a\\"b"\r\n');
  });
});

describe("faults", () => {
  it("of one who serves end that connection, not the others", async () => {
    let count = 0;
    const { client, accepted, lines } = await bench.listener({
      serve: () => {
        count += 1;
        if (count === 2) throw new Error("out of order");
      },
    });
    await client();
    const first = await accepted();
    expect(await (await client()).ended()).toBe("");
    expect(lines.find(({ level }) => level === "error")?.text).toBe("a connection could not be served");
    await client();
    await accepted();
    expect(first.closed.aborted).toBe(false);
  });

  it("of clients that reset at any moment never become exceptions", async () => {
    const certificates = await bench.certificates();
    const { port, listener } = await bench.listener({
      certificates,
      spec: { tls: "implicit", limits: { connections: 50, connectionsPerAddress: 50 } },
    });
    await Promise.all(
      Array.from({ length: 100 }, async (_, at) => {
        const socket = connect(port, "127.0.0.1");
        socket.on("error", () => undefined);
        await once(socket, "connect");
        if (at % 3 === 1) socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02]));
        if (at % 2) socket.resetAndDestroy();
        else socket.destroy();
        if (!socket.closed) await once(socket, "close");
      }),
    );
    while (listener.connections > 0) await new Promise((resolve) => setImmediate(resolve));
  });
});

describe("closing a listener", () => {
  it("tells connections to end, takes no new ones, and waits for them", async () => {
    const { listener, pair, port } = await bench.listener({});
    const { client, connection } = await pair();
    connection.draining.addEventListener("abort", () => {
      void connection.write("* BYE\r\n");
      connection.close();
    });
    const closed = listener.close(10_000);
    expect(await client.ended()).toBe("* BYE\r\n");
    await closed;
    const late = connect(port, "127.0.0.1");
    const [error] = await once(late, "error");
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
  });

  it("cuts off those who do not end in time", async () => {
    const { listener, pair, lines } = await bench.listener({});
    const { client, connection } = await pair();
    let drains = 0;
    connection.onDrain = () => {
      drains += 1;
    };
    expect(connection.isDraining).toBe(false);
    await listener.close(20);
    expect([connection.isDraining, drains]).toEqual([true, 1]);
    expect(connection.draining.aborted).toBe(true);
    expect(connection.closed.aborted).toBe(true);
    await client.ended();
    expect(lines.find(({ level }) => level === "warn")?.fields).toMatchObject({ connections: 1 });
  });
});
