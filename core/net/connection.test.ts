import { once } from "node:events";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import type { Connection } from "../contracts/session.ts";
import { Client, Workbench } from "../testing/connections.ts";
import { IdleTimer } from "./idle-timer.ts";

const bench = new Workbench();
afterEach(() => bench.clear());

/** Counts what the operating system is asked to write. */
function countWrites(socket: object): () => number {
  let writes = 0;
  for (const name of ["_write", "_writev"] as const) {
    const original = Reflect.get(socket, name) as (...args: unknown[]) => unknown;
    Reflect.set(socket, name, function (this: unknown, ...args: unknown[]) {
      writes += 1;
      return original.apply(this, args);
    });
  }
  return () => writes;
}

/** Writes until the kernel's buffers are full, too: what it answers is a write that waits. */
async function stuck(connection: Connection): Promise<{ readonly waited: Promise<void> }> {
  for (;;) {
    const waited = connection.write(Buffer.alloc(1024 * 1024));
    const pause = new Promise<"stuck">((resolve) => setTimeout(() => resolve("stuck"), 100));
    if (waited && (await Promise.race([waited, pause])) === "stuck") return { waited };
  }
}

describe("writing", () => {
  it("lets the replies to pipelined commands leave together", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    const writes = countWrites(connection.socket);
    client.send("a\r\nb\r\nc\r\n");
    for (let at = 0; at < 3; at++) {
      const line = await connection.reader.line(10);
      await connection.write(`${line}: ok\r\n`);
    }
    await client.until("c: ok\r\n");
    expect(client.text).toBe("a: ok\r\nb: ok\r\nc: ok\r\n");
    expect(writes()).toBe(1);
  });

  it("does not hold a reply back while the next command takes its time", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    client.send("a\r\nb\r\n");
    await connection.reader.line(10);
    await connection.write("a: ok\r\n");
    await connection.reader.line(10);
    await client.until("a: ok\r\n"); // the slow part of b
    await connection.write("b: ok\r\n");
    await client.until("b: ok\r\n");
  });

  it("keeps strings and bytes in order", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    void connection.write("* 1 FETCH {3}\r\n");
    void connection.write(new Uint8Array([0xff, 0x00, 0x41]));
    void connection.write("ü)\r\n");
    connection.close();
    expect(Buffer.from(await client.ended(), "latin1")).toEqual(
      Buffer.concat([Buffer.from("* 1 FETCH {3}\r\n"), Buffer.from([0xff, 0x00, 0x41]), Buffer.from("ü)\r\n")]),
    );
  });

  it("waits for a client that takes nothing, and goes on when it does", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    client.socket.pause();
    const { waited } = await stuck(connection);
    expect(connection.socket.writableLength).toBeLessThan(2 * 1024 * 1024);
    const written = connection.socket.bytesWritten;
    client.socket.resume();
    await waited;
    connection.close();
    expect((await client.ended()).length).toBe(written);
  });

  it("rejects, and says so in closed, when the client leaves while we wait", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    client.socket.pause();
    const { waited } = await stuck(connection);
    const closed = once(connection.closed, "abort");
    client.socket.resetAndDestroy();
    await expect(waited).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    await closed;
    expect(connection.closed.aborted).toBe(true);
    await expect(connection.write("too late")).rejects.toMatchObject({ code: "CONNECTION_LOST" });
  });

  it("after the client has gone is no stray rejection", async () => {
    const strays: unknown[] = [];
    const onStray = (reason: unknown) => strays.push(reason);
    process.on("unhandledRejection", onStray);
    bench.defer(() => process.off("unhandledRejection", onStray));
    const { client, connection } = await (await bench.listener({})).pair();
    const closed = once(connection.closed, "abort");
    client.socket.resetAndDestroy();
    await closed;
    void connection.write("nobody waits for this");
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(strays).toEqual([]);
  });
});

describe("closing", () => {
  it("sends what was written, and is safe twice", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    void connection.write("* BYE\r\n");
    connection.close();
    connection.close();
    expect(await client.ended()).toBe("* BYE\r\n");
  });

  it("does not lose the last words to input that nobody read", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    client.send("first\r\n");
    await connection.reader.line(100);
    client.send(Buffer.alloc(300_000, "x"));
    void connection.write("421 too much\r\n");
    connection.close();
    expect(await client.ended()).toBe("421 too much\r\n");
  });

  it("cuts off a client that does not take the last words", { timeout: 15_000 }, async () => {
    const { listener, pair } = await bench.listener({});
    const { client, connection } = await pair();
    client.socket.pause();
    while (!connection.socket.writableNeedDrain) void connection.write(Buffer.alloc(1024 * 1024));
    connection.close();
    await once(connection.closed, "abort");
    expect(listener.connections).toBe(0);
  });
});

describe("idle time-out", () => {
  it("fires once, when nothing came", async () => {
    const { connection } = await (await bench.listener({})).pair();
    let fired = 0;
    await new Promise<void>((resolve) => {
      connection.setIdleTimeout(20, () => {
        fired += 1;
        resolve();
      });
    });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(fired).toBe(1);
  });

  it("begins anew with each byte", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    const started = performance.now();
    let lastByteAt = started;
    const ticks = setInterval(() => client.send("x"), 20);
    bench.defer(() => clearInterval(ticks));
    void connection.reader.line(1000);
    connection.socket.on("data", () => {
      lastByteAt = performance.now();
      if (lastByteAt - started > 900) clearInterval(ticks);
    });
    await new Promise<void>((resolve) => connection.setIdleTimeout(600, resolve));
    expect(performance.now() - started).toBeGreaterThan(1_400);
    expect(performance.now() - lastByteAt).toBeGreaterThan(590);
  });

  it("can be set again, and switched off", async () => {
    const { connection } = await (await bench.listener({})).pair();
    const fired: string[] = [];
    connection.setIdleTimeout(10, () => fired.push("first"));
    connection.setIdleTimeout(0, () => fired.push("off"));
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(fired).toEqual([]);
    await new Promise<void>((resolve) => connection.setIdleTimeout(10, resolve));
    await new Promise<void>((resolve) => connection.setIdleTimeout(10, resolve));
  });

  it("does not take a client for idle that is still taking what was sent", async () => {
    let taken = 0;
    let looks = 0;
    const timer = new IdleTimer(() => {
      looks += 1;
      return looks < 5 ? ++taken : taken;
    });
    await new Promise<void>((resolve) => timer.set(10, resolve));
    expect({ taken, looks }).toEqual({ taken: 4, looks: 5 });
    timer.clear();
  });
});

describe("STARTTLS", () => {
  async function upgraded() {
    const certificates = await bench.certificates();
    const { pair, ...rest } = await bench.listener({ certificates });
    const { client, connection } = await pair();
    return { ...rest, client, connection };
  }

  it("secures the connection and says how", async () => {
    const { client, connection } = await upgraded();
    expect(connection.canStartTls).toBe(true);
    client.send("STARTTLS\r\n");
    await connection.reader.line(100);
    void connection.write("go\r\n");
    const upgrade = connection.startTls();
    await client.until("go\r\n");
    client.socket.removeAllListeners("data");
    const secure = new Client(
      connectTls({ socket: client.socket, rejectUnauthorized: false, servername: "mx.example.org" }),
      "secureConnect",
    );
    await upgrade;
    expect(connection.session.tls).toMatchObject({
      protocol: "TLSv1.3",
      servername: "mx.example.org",
      clientCertificate: null,
    });
    expect(connection.canStartTls).toBe(false);
    await expect(connection.startTls()).rejects.toThrow();
    secure.send("secret\r\n");
    expect(String(await connection.reader.line(100))).toBe("secret");
    void connection.write("a");
    void connection.write("b\r\n");
    connection.close();
    expect(await secure.ended()).toBe("ab\r\n");
  });

  it("forgets what was slipped in behind the command", async () => {
    const { client, connection } = await upgraded();
    client.send("STARTTLS\r\nMAIL FROM:<injected@example.org>\r\n");
    await connection.reader.line(100);
    expect(connection.reader.hasBuffered).toBe(true);
    void connection.write("go\r\n");
    const upgrade = connection.startTls();
    await client.until("go\r\n");
    client.socket.removeAllListeners("data");
    const secure = new Client(connectTls({ socket: client.socket, rejectUnauthorized: false }), "secureConnect");
    await upgrade;
    expect(connection.reader.hasBuffered).toBe(false);
    secure.send("real\r\n");
    expect(String(await connection.reader.line(100))).toBe("real");
  });

  it("fails, with a line in the log, when the client does not speak TLS", async () => {
    const { client, connection, lines, listener } = await upgraded();
    client.send("STARTTLS\r\n");
    await connection.reader.line(100);
    const closed = once(connection.closed, "abort");
    void connection.write("go\r\n");
    const upgrade = connection.startTls();
    await client.until("go\r\n");
    client.send("MAIL FROM:<x@example.org>\r\n");
    await expect(upgrade).rejects.toMatchObject({ code: "HANDSHAKE_FAILED" });
    await closed;
    expect(lines.map(({ text }) => text)).toContain("TLS handshake failed");
    expect(listener.connections).toBe(0);
    expect(await connection.reader.line(100)).toBeNull();
  });

  it("is not offered without a certificate, nor where the listener has no TLS", async () => {
    const without = await (await bench.listener({})).pair();
    expect(without.connection.canStartTls).toBe(false);
    const none = await (
      await bench.listener({ certificates: await bench.certificates(), spec: { tls: "none" } })
    ).pair();
    expect(none.connection.canStartTls).toBe(false);
    await expect(none.connection.startTls()).rejects.toThrow();
  });
});
