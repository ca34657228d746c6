import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import type { ConnectionReader } from "../contracts/session.ts";
import { Workbench } from "../testing/connections.ts";

const bench = new Workbench();
afterEach(() => bench.clear());

/** Waits until the bytes have come, so that what follows is answered from the buffer. */
async function buffered(reader: ConnectionReader): Promise<void> {
  while (!reader.hasBuffered) await new Promise((resolve) => setImmediate(resolve));
}

const text = async (line: Buffer | null | Promise<Buffer | null>) => (await line)?.toString("latin1") ?? null;

describe("lines", () => {
  it("end with CRLF or a bare LF, and a bare CR belongs to the line", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    client.send("one\r\ntwo\nth\rree\r\n\r\n\nlast\r\r\n");
    const lines: (string | null)[] = [];
    for (let at = 0; at < 6; at++) lines.push(await text(connection.reader.line(100)));
    expect(lines).toEqual(["one", "two", "th\rree", "", "", "last\r"]);
  });

  it("are answered at once when they are here", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    client.send("one\r\ntwo\r\nthr");
    expect(await text(connection.reader.line(100))).toBe("one");
    const second = connection.reader.line(100);
    expect(second).toBeInstanceOf(Buffer);
    const third = connection.reader.line(100);
    expect(third).toBeInstanceOf(Promise);
    client.send("ee\r\n");
    expect(await text(third)).toBe("three");
  });

  it.each([
    ["in one piece", ["x".repeat(11), "\r\nnext\r\n"]],
    ["that come with their end", [`${"x".repeat(11)}\r\nnext\r\n`]],
    ["far longer than anything is kept", [..."abcdef"].map((char) => char.repeat(60_000)).concat("\r\nnext\r\n")],
    ["whose CR and LF come apart", ["x".repeat(11), "\r", "\n", "next\r\n"]],
  ])("too long are refused after they have been skipped: %s", async (_, pieces) => {
    const { client, connection } = await (await bench.listener({})).pair();
    const read = (async () => connection.reader.line(10))();
    for (const piece of pieces) client.send(piece);
    await expect(read).rejects.toMatchObject({ code: "LINE_TOO_LONG" });
    expect(await text(connection.reader.line(10))).toBe("next");
  });

  it("throw at once when they are too long and here", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    client.send(`a\r\n${"x".repeat(11)}\r\nb\r\n`);
    await connection.reader.line(10);
    expect(() => connection.reader.line(10)).toThrow(RangeError);
    expect(connection.reader.line(10)?.toString()).toBe("b");
  });

  it("may be as long as the limit without their end", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    const read = connection.reader.line(10);
    client.send("0123456789\r");
    await buffered(connection.reader);
    client.send("\n0123456789\n");
    expect(await text(read)).toBe("0123456789");
    expect(await text(connection.reader.line(10))).toBe("0123456789");
  });

  it("are null at the end of the stream, a broken one too", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    const first = connection.reader.line(10);
    client.socket.end("abc\r\nbroken");
    expect(await text(first)).toBe("abc");
    expect(await text(connection.reader.line(10))).toBeNull();
    expect(connection.reader.line(10)).toBeNull();
    expect(connection.reader.exact(10)).toBeNull();
  });

  it("can still be answered when the client has ended its side", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    client.socket.end("NOOP\r\n");
    expect(await text(connection.reader.line(10))).toBe("NOOP");
    expect(await text(connection.reader.line(10))).toBeNull();
    await connection.write("done\r\n");
    connection.close();
    expect(await client.ended()).toBe("done\r\n");
  });
});

describe("exact", () => {
  it("gives so many bytes, however they came", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    client.send("{5}\r\nab");
    await connection.reader.line(100);
    const read = connection.reader.exact(5);
    client.send("\r\nc)\r\n");
    expect(await text(read)).toBe("ab\r\nc");
    expect(await text(connection.reader.line(100))).toBe(")");
    expect((await connection.reader.exact(0))?.length).toBe(0);
  });

  it("can be larger than what is read ahead", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    const whole = Buffer.alloc(1_000_000, "0123456789");
    client.send(whole);
    expect((await connection.reader.exact(whole.length))?.equals(whole)).toBe(true);
  });

  it("is null when the stream ends before", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    const read = connection.reader.exact(5);
    client.socket.end("abc");
    expect(await read).toBeNull();
  });
});

describe("streams", () => {
  it("give so many bytes, and the reader goes on behind them", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    client.send(Buffer.concat([Buffer.alloc(300_000, "x"), Buffer.from("after\r\n")]));
    let size = 0;
    for await (const piece of connection.reader.stream(300_000)) size += (piece as Buffer).length;
    expect(size).toBe(300_000);
    expect(await text(connection.reader.line(100))).toBe("after");
  });

  it("of nothing end at once", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    client.send("after\r\n");
    for await (const _ of connection.reader.stream(0)) throw new Error("there is nothing");
    expect(await text(connection.reader.line(100))).toBe("after");
  });

  it("that are given up leave the reader behind them", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    client.send("x".repeat(70_000));
    const stream = connection.reader.stream(200_000);
    await once(stream, "readable");
    stream.destroy();
    await once(stream, "close");
    const next = connection.reader.line(100);
    client.send(`${"x".repeat(130_000)}after\r\n`);
    expect(await text(next)).toBe("after");
  });

  it("fail when the client leaves in the middle", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    const stream = connection.reader.stream(10);
    client.socket.end("abc");
    const [error] = await once(stream.resume(), "error");
    expect(error).toMatchObject({ code: "CONNECTION_LOST" });
    expect(connection.reader.line(10)).toBeNull();
  });

  it("make the client wait for their consumer", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    const size = 64 * 1024 * 1024;
    const stream = connection.reader.stream(size);
    const hasRoom = client.socket.write(Buffer.alloc(size));
    expect(hasRoom).toBe(false);
    await once(stream, "readable");
    // The kernel's buffers and ours are full long before all has been sent.
    let before = -1;
    while (connection.socket.bytesRead !== before) {
      before = connection.socket.bytesRead;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(before).toBeLessThan(1024 * 1024);
    let received = 0;
    for await (const piece of stream) received += (piece as Buffer).length;
    expect(received).toBe(size);
  });
});

describe("a reader", () => {
  it("takes no more than a bounded piece that nobody asked for", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    client.send("first\r\n");
    await connection.reader.line(100);
    client.send(Buffer.alloc(16 * 1024 * 1024, "y\n"));
    await buffered(connection.reader);
    let before = -1;
    while (connection.socket.bytesRead !== before) {
      before = connection.socket.bytesRead;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(before).toBeLessThan(512 * 1024);
    let lines = 0;
    for (let at = 0; at < 100_000; at++) if ((await connection.reader.line(10))?.toString() === "y") lines++;
    expect(lines).toBe(100_000);
  });

  it("does one read at a time", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    const read = connection.reader.line(10);
    expect(() => connection.reader.line(10)).toThrow("one at a time");
    expect(() => connection.reader.exact(10)).toThrow("one at a time");
    expect(() => connection.reader.stream(10)).toThrow("one at a time");
    client.send("a\r\n");
    expect(await text(read)).toBe("a");
  });

  it("answers null to the read that waits when the connection is closed", async () => {
    const { connection } = await (await bench.listener({})).pair();
    const read = connection.reader.line(10);
    connection.close();
    expect(await read).toBeNull();
  });

  it("leaves the socket alone until it is asked for", async () => {
    const { client, connection } = await (await bench.listener({})).pair();
    client.send("for the raw socket");
    const [chunk] = await once(connection.socket, "data");
    expect(String(chunk)).toBe("for the raw socket");
  });
});
