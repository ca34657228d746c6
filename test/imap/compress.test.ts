import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { constants, createDeflateRaw, createInflateRaw, deflateRawSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ImapServer } from "./imap-server.ts";
import { RawClient } from "./raw-client.ts";

/** The client's side: plain until `compress`. */
class Client {
  readonly socket: Duplex;
  /** Octets; what is older is forgotten. */
  keeps = 16_000_000;
  #received = "";
  #isEnded = false;
  #wake = () => {};
  #deflate: ReturnType<typeof createDeflateRaw> | null = null;

  constructor(socket: Duplex) {
    this.socket = socket;
    socket.on("data", this.#take);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#isEnded = true;
      this.#wake();
    });
  }

  readonly #take = (piece: Buffer): void => {
    this.#received += piece.toString("latin1");
    if (this.#received.length > this.keeps) this.#received = this.#received.slice(-this.keeps);
    this.#wake();
  };

  write(text: string): void {
    if (!this.#deflate) this.socket.write(text);
    else {
      this.#deflate.write(text);
      this.#deflate.flush(constants.Z_SYNC_FLUSH);
    }
  }

  compress(): void {
    const inflate = createInflateRaw();
    this.socket.off("data", this.#take);
    this.socket.on("data", (piece: Buffer) => inflate.write(piece));
    inflate.on("data", this.#take);
    this.#deflate = createDeflateRaw();
    this.#deflate.on("data", (piece: Buffer) => this.socket.write(piece));
  }

  /** All that came up to this text. */
  async until(text: string): Promise<string> {
    for (;;) {
      const at = this.#received.indexOf(text);
      if (at >= 0) {
        const taken = this.#received.slice(0, at + text.length);
        this.#received = this.#received.slice(at + text.length);
        return taken;
      }
      if (this.#isEnded) throw new Error(`closed after ${this.#received.slice(-200)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async closed(): Promise<void> {
    while (!this.#isEnded)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  async begin(): Promise<void> {
    await this.until("* OK");
    this.write("a LOGIN ann secret\r\n");
    await this.until("a OK");
    this.write("b COMPRESS DEFLATE\r\n");
    await this.until("b OK Compression is on\r\n");
    this.compress();
  }
}

describe("COMPRESS", () => {
  let server: ImapServer;
  const clients: Client[] = [];
  const open = async (how: "plain" | "tls" = "plain"): Promise<Client> => {
    const socket =
      how === "plain"
        ? connect(server.port, "127.0.0.1")
        : connectTls({ port: server.tlsPort, host: "127.0.0.1", rejectUnauthorized: false });
    const client = new Client(socket);
    clients.push(client);
    await client.begin();
    return client;
  };
  beforeEach(async () => {
    server = await ImapServer.start();
  });
  afterEach(async () => {
    for (const { socket } of clients.splice(0)) socket.destroy();
    await server.stop();
    expect(server.logLines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it.each(["plain", "tls"] as const)("carries messages both ways over %s, large ones too", async (how) => {
    const client = await open(how);
    const body = Array.from({ length: 60_000 }, (_, line) => `line ${line} ${Math.sin(line)}`).join("\r\n");
    const message = `Subject: x\r\n\r\n${body}\r\n`;
    client.write(`c APPEND INBOX {${message.length}+}\r\n${message}\r\nd SELECT INBOX\r\ne NOOP\r\n`);
    expect(await client.until("e OK")).toContain("* 1 EXISTS");
    client.write("f FETCH 1 BODY.PEEK[]\r\n");
    expect((await client.until("f OK")).includes(`BODY[] {${message.length}}\r\n${message})\r\n`)).toBe(true);
  });

  it("is on once, and with one mechanism", async () => {
    const client = await open();
    client.write("c COMPRESS DEFLATE\r\n");
    await client.until("c NO [COMPRESSIONACTIVE]");
    const other = await RawClient.login(server.port);
    expect((await other.command("COMPRESS LZW")).at(-1)).toMatch(/^NO/);
    expect((await other.ok("CAPABILITY"))[0]).toContain(" COMPRESS=DEFLATE");
    other.destroy();
    const early = await RawClient.open(server.port);
    expect((await early.command("COMPRESS DEFLATE")).at(-1)).toMatch(/^BAD/);
    early.destroy();
  });

  it("holds no news back", async () => {
    const client = await open();
    client.write("c SELECT INBOX\r\nd IDLE\r\n");
    await client.until("+ idling\r\n");
    const other = await RawClient.login(server.port);
    for (let i = 1; i <= 5; i++) {
      await other.ok("APPEND INBOX", Buffer.from("Subject: x\r\n\r\n"));
      await client.until(`* ${i} EXISTS\r\n`);
    }
    other.destroy();
    client.write("DONE\r\n");
    await client.until("d OK");
  });

  it("says good-bye compressed, too", async () => {
    const client = await open();
    client.write("c LOGOUT\r\n");
    expect(await client.until("c OK Logout completed\r\n")).toContain("* BYE");
    await client.closed();
  });

  it("takes a stream that comes in single octets", async () => {
    const client = await open();
    for (const octet of deflateRawSync(Buffer.from("c NOOP\r\nd NOOP\r\n"), { finishFlush: constants.Z_SYNC_FLUSH }))
      client.socket.write(Buffer.from([octet]));
    await client.until("d OK");
  });

  it("ends a connection that sends what is not compressed", async () => {
    const client = await open();
    client.socket.write(Buffer.alloc(100, 0xff));
    await client.closed();
    expect(server.connections).toBe(0);
  });

  it("keeps no more of a bomb than of a long line", async () => {
    const client = await open();
    const bomb = deflateRawSync(Buffer.alloc(100_000_000, "x"), { finishFlush: constants.Z_SYNC_FLUSH });
    const end = deflateRawSync(Buffer.from("\r\nz NOOP\r\n"), { finishFlush: constants.Z_SYNC_FLUSH });
    const before = process.memoryUsage().rss;
    client.socket.write(Buffer.concat([bomb, end]));
    await client.until("z OK");
    expect(process.memoryUsage().rss - before).toBeLessThan(80_000_000);
  });

  it("makes a client wait that does not read", async () => {
    const client = await open();
    const message = `Subject: x\r\n\r\n${Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i * 7919) >> 5)).toString("base64")}\r\n`;
    client.write(`c APPEND INBOX {${message.length}+}\r\n${message}\r\nd SELECT INBOX\r\n`);
    await client.until("d OK");
    client.keeps = 1000;
    client.socket.pause();
    client.write(Array.from({ length: 40 }, (_, i) => `x${i} FETCH 1 BODY.PEEK[]\r\n`).join(""));
    const other = await RawClient.login(server.port);
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 100; i++) await other.ok("NOOP");
    expect(process.memoryUsage().rss - before).toBeLessThan(60_000_000);
    other.destroy();
    client.socket.resume();
    await client.until("x39 OK");
  });
});
