/** Messages of 50 MiB through a whole server: the memory of the process that has the sessions stays far below one of them. */
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { alice, RunningServer } from "../server/running-server.ts";

const MIB = 1024 * 1024;
const sizeBytes = 50 * MIB;
const header = "Subject: large\r\nContent-Type: application/octet-stream\r\n\r\n";
/** One line, said again and again. */
const line = `${randomBytes(57).toString("base64")}\r\n`;
const bodyBytes = Math.floor((sizeBytes - header.length) / line.length) * line.length;
const messageBytes = header.length + bodyBytes;
const block = Buffer.from(line.repeat(1024));

/** A client that counts octets and keeps none of them. */
class CountingClient {
  readonly #socket: Socket;
  received = 0;
  #tail = "";
  #wake: () => void = () => {};
  #gone: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (data: Buffer) => {
      this.received += data.length;
      this.#tail = (this.#tail + data.subarray(-1000).toString("latin1")).slice(-1000);
      this.#wake();
    });
    socket.on("close", () => this.#gone());
  }

  static async login(port: number): Promise<CountingClient> {
    const socket = connect(port, "127.0.0.1");
    const client = new CountingClient(socket);
    await client.said(/ is ready\r\n$/);
    await client.command(`LOGIN "${alice.address}" "${alice.password}"`);
    return client;
  }

  async said(ending: RegExp): Promise<void> {
    while (!ending.test(this.#tail)) {
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        this.#gone = () => reject(new Error(`closed after ${this.#tail}`));
      });
    }
  }

  async command(text: string): Promise<void> {
    this.#tail = "";
    this.#socket.write(`t ${text}\r\n`);
    await this.said(/(^|\r\n)t OK [^\r\n]*\r\n$/);
  }

  /** In blocks, as fast as they are taken. */
  async append(mailbox: string): Promise<void> {
    this.#tail = "";
    this.#socket.write(`t APPEND ${mailbox} {${messageBytes}+}\r\n${header}`);
    for (let left = bodyBytes; left > 0; left -= block.length) {
      const isRoom = this.#socket.write(block.subarray(0, Math.min(left, block.length)));
      if (!isRoom) await new Promise((resolve) => this.#socket.once("drain", resolve));
    }
    this.#socket.write("\r\n");
    await this.said(/(^|\r\n)t OK [^\r\n]*\r\n$/);
  }

  close(): void {
    this.#socket.destroy();
  }
}

describe("a message of 50 MiB", () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await RunningServer.start({ config: ["workers: 1"] });
  });
  afterAll(() => server.stop());

  const worker = async (): Promise<number> => {
    const children = await readFile(`/proc/${server.pid}/task/${server.pid}/children`, "utf8");
    return Number(children.trim().split(" ")[0]);
  };
  /** The most that it held since then. */
  const peakOf = (pid: number) => ({
    begin: () => writeFileSync(`/proc/${pid}/clear_refs`, "5"),
    nowMib: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) / 1024,
    mib: () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) / 1024,
  });

  it("is taken in and given out, by several at once, in a fraction of its size", async () => {
    const clients = await Promise.all([0, 1, 2].map(() => CountingClient.login(server.ports.imap)));
    const [first] = clients as [CountingClient, CountingClient, CountingClient];
    // What code and caches take is there before it is counted.
    await first.append("INBOX");
    await first.command("SELECT INBOX");
    const peak = peakOf(await worker());
    const growth: Record<string, number> = {};
    const measured = async (name: string, work: () => Promise<unknown>) => {
      peak.begin();
      const before = peak.nowMib();
      await work();
      growth[name] = Math.round(peak.mib() - before);
    };
    await measured("three APPENDs at once", () => Promise.all(clients.map((client) => client.append("INBOX"))));
    for (const client of clients) await client.command("SELECT INBOX");
    const received = () => clients.map((client) => client.received);
    const before = received();
    await measured("three FETCHes at once", () =>
      Promise.all(clients.map((client, at) => client.command(`FETCH ${at + 1} BODY.PEEK[]`))),
    );
    for (const [at, octets] of received().entries()) expect(octets - (before[at] ?? 0)).toBeGreaterThan(messageBytes);
    await measured("BINARY, which is decoded twice", () => first.command("FETCH 1 BINARY.PEEK[1]"));
    await measured("SEARCH TEXT", () => first.command('SEARCH TEXT "not in there"'));
    await measured("CATENATE", () => first.command('APPEND INBOX CATENATE (URL ";UID=1")'));
    await measured("COPY", () => first.command("COPY 1 INBOX"));
    // Garbage that nobody had a reason to collect is in it.
    for (const [name, mib] of Object.entries(growth))
      expect(mib, `${name} of ${JSON.stringify(growth)}`).toBeLessThan(sizeBytes / MIB);
    for (const client of clients) client.close();
  });
});
