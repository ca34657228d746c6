import { once } from "node:events";
import { readdirSync, readFileSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Pop3Server, startPop3 } from "./pop3-server.ts";

const message = (text: string) => ({ content: [Buffer.from(text)] });

let server: Pop3Server | null = null;
async function start(...options: Parameters<typeof startPop3>): Promise<Pop3Server> {
  server = await startPop3(...options);
  return server;
}
afterEach(async () => {
  await server?.stop();
  server = null;
});

/** A client that collects what it is sent. */
class Client {
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.on("data", (chunk: Buffer) => this.#chunks.push(chunk));
    this.socket.on("error", () => this.socket.destroy());
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  send(text: string): void {
    this.socket.write(text);
  }

  async until(end: string): Promise<Buffer> {
    while (!this.received.includes(end)) await once(this.socket, "data");
    return this.received;
  }

  async closed(): Promise<string> {
    if (!this.socket.closed) await once(this.socket, "close");
    return this.received.toString();
  }
}

describe("what is deleted", () => {
  const login = "USER ann\r\nPASS secret word\r\n";

  it("is nothing when the client leaves without QUIT, and the maildrop is free again", async () => {
    const { ports, mailboxesOf } = await start();
    const mail = await mailboxesOf("ann");
    await mail.deliver("INBOX", message("Subject: stays\r\n\r\n"));
    const client = new Client(ports.optional);
    client.send(`${login}RETR 1\r\nDELE 1\r\n`);
    await client.until("Marked for deletion");
    const inbox = await mail.open("INBOX");
    let flags: ReadonlySet<string> = new Set();
    const seen = new Promise<void>((resolve) => {
      inbox.onChange(async () => {
        flags = (await inbox.sync()).at(0).flags;
        if (flags.has("\\Seen")) resolve();
      });
    });
    client.socket.destroy();
    await seen;
    // What was read is marked, what was marked for deletion is not.
    expect([...flags]).toEqual(["\\Seen"]);
    await inbox.close();
    await expect
      .poll(async () => (await (await mailboxesOf("ann")).lockMaildrop())?.release().then(() => "free"))
      .toBe("free");
    expect((await mail.status("INBOX")).messages).toBe(1);
  });

  it("is nothing on autologout", async () => {
    const { ports, mailboxesOf } = await start({ idleTimeout: 150 });
    const mail = await mailboxesOf("ann");
    await mail.deliver("INBOX", message("Subject: stays\r\n\r\n"));
    const client = new Client(ports.optional);
    client.send(`${login}DELE 1\r\n`);
    expect(await client.closed()).toMatch(/Marked for deletion\r\n$/); // RFC 1939 3: without a word
    expect((await mail.status("INBOX")).messages).toBe(1);
  });

  it("is exactly what was marked, while mail comes in and another program deletes", async () => {
    const { ports, mailboxesOf } = await start();
    const mail = await mailboxesOf("ann");
    await mail.append(
      "INBOX",
      ["a", "b", "c"].map((name) => message(`Subject: ${name}\r\n\r\n`)),
    );
    const client = new Client(ports.optional);
    client.send(`${login}DELE 1\r\nDELE 2\r\n`);
    await client.until("deletion\r\n+OK Marked for deletion\r\n");
    await mail.deliver("INBOX", message("Subject: new\r\n\r\n"));
    const inbox = await mail.open("INBOX");
    await inbox.store([2], { mode: "add", flags: ["\\Deleted"] });
    await inbox.expunge([2]);
    client.send("RETR 2\r\nSTAT\r\nQUIT\r\n");
    expect(await client.closed()).toMatch(/\+OK 1 \d+\r\n\+OK Bye\r\n$/);
    const snapshot = await inbox.sync();
    expect(Array.from({ length: snapshot.size }, (_, index) => snapshot.at(index).uid)).toEqual([3, 4]);
    await inbox.close();
  });
});

describe("bytes", () => {
  it("stuffs dots in a message of any size, whatever the pieces, and counts its octets", async () => {
    const { ports, mailboxesOf } = await start();
    const mail = await mailboxesOf("ann");
    const body = ".\r\n..\r\nx.\r\n.y\r\n\r\n".repeat(60_000);
    const large = Buffer.from(`Subject: large\r\n\r\n${body}`);
    const binary = Buffer.concat([
      Buffer.from("Subject: b\r\n\r\n."),
      Buffer.from(Array.from({ length: 256 }, (_, at) => at)),
    ]);
    await mail.append("INBOX", [{ content: [large] }, { content: [binary] }]);
    const client = new Client(ports.optional);
    client.send("USER ann\r\nPASS secret word\r\nRETR 1\r\nNOOP\r\n");
    const all = await client.until("+OK Still here");
    const start1 = all.indexOf(`+OK ${large.length} octets\r\n`) + `+OK ${large.length} octets\r\n`.length;
    const sent = all.subarray(start1, all.lastIndexOf("+OK Still here")).toString("latin1");
    expect(sent.endsWith("\r\n.\r\n")).toBe(true);
    expect(sent.slice(0, -3).replace(/^\./gm, "")).toBe(large.toString("latin1"));
    client.send("RETR 2\r\nQUIT\r\n");
    await client.closed();
    const rest = client.received.subarray(all.length);
    const stored = Buffer.concat([binary.subarray(0, 14), Buffer.from("."), binary.subarray(14)]);
    const crlf = Buffer.from(stored.toString("latin1").replace(/(?<!\r)\n/g, "\r\n"), "latin1");
    expect(rest.includes(Buffer.concat([crlf, Buffer.from("\r\n.\r\n+OK Bye\r\n")]))).toBe(true);
  });

  it("refuses long lines and goes on", async () => {
    const { ports } = await start();
    const client = new Client(ports.optional);
    client.send(
      `USER ${"x".repeat(300)}\r\nNOOP ${"x".repeat(100_000)}\r\nAUTH PLAIN ${"A".repeat(20_000)}\r\nCAPA\r\n`,
    );
    const text = (await client.until("IMPLEMENTATION")).toString();
    expect(text.match(/-ERR Line is too long\r\n/g)).toHaveLength(3);
    client.send("QUIT\r\n");
    expect(await client.closed()).toMatch(/\+OK Bye\r\n$/);
  });

  it("waits for a client that does not read", async () => {
    const { ports, mailboxesOf } = await start();
    const mail = await mailboxesOf("ann");
    const large = Buffer.from(`Subject: large\r\n\r\n${"0123456789\r\n".repeat(2_000_000)}`);
    await mail.append("INBOX", [{ content: [large] }]);
    const client = new Client(ports.optional);
    client.send("USER ann\r\nPASS secret word\r\n");
    await client.until("messages");
    client.socket.pause();
    client.send("RETR 1\r\nQUIT\r\n");
    const before = process.memoryUsage().arrayBuffers;
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(large.length / 2);
    client.socket.resume();
    await client.closed();
    expect(client.received.length).toBeGreaterThan(large.length);
  });
});

describe("damaged mail", () => {
  const files = (root: string) => join(root, "ann/Maildir/cur");
  async function withFile(change: (path: string) => void, octets = "Subject: a\r\n\r\nbody\r\n") {
    const { ports, root, mailboxesOf } = await start();
    const mail = await mailboxesOf("ann");
    await mail.append("INBOX", [message(octets), message("Subject: whole\r\n\r\n")]);
    const client = new Client(ports.optional);
    client.send("USER ann\r\nPASS secret word\r\n");
    await client.until("2 messages");
    const paths = readdirSync(files(root)).map((name) => join(files(root), name));
    change(paths.find((path) => !readFileSync(path).includes("whole")) ?? "");
    client.send("RETR 1\r\nTOP 1 5\r\nRETR 2\r\nQUIT\r\n");
    return (await client.closed()).split("2 messages\r\n")[1] ?? "";
  }

  it("that is gone is told, the rest is fetched", async () => {
    const text = await withFile(unlinkSync);
    expect(text).toMatch(/^-ERR The message is gone\r\n-ERR The message is gone\r\n\+OK/);
    expect(text).toMatch(/Subject: whole\r\n\r\n\.\r\n\+OK Bye\r\n$/);
  });

  it("that was cut short or edited by somebody is sent as it is now", async () => {
    expect(await withFile((path) => truncateSync(path, 14))).toMatch(/^\+OK.*\r\nSubject: a\r\n\r\n\.\r\n\+OK/);
    await server?.stop();
    const text = await withFile((path) => writeFileSync(path, "Subject: b\n\n.dot\nno end"));
    expect(text).toMatch(/^\+OK.*\r\nSubject: b\r\n\r\n\.\.dot\r\nno end\r\n\.\r\n\+OK/);
  });

  it("that is no file any more is not followed", async () => {
    const text = await withFile((path) => {
      unlinkSync(path);
      symlinkSync("/etc/hostname", path);
    });
    expect(text).toMatch(/^-ERR .*\r\n-ERR .*\r\n\+OK/);
    expect(text).toMatch(/\+OK Bye\r\n$/);
  });

  it.each([
    ["of nothing", "", ""],
    ["without a header", "\r\nbody\r\n", "\r\nbody\r\n"],
    ["without a body", "Subject: a\r\n", "Subject: a\r\n"],
    ["of a dot", ".", "..\r\n"],
    ["with NUL and bare CR", "Subject: a\r\n\r\n\0\r.\rb\r\n", "Subject: a\r\n\r\n\0\r.\rb\r\n"],
  ])("%s is sent", async (_, octets, expected) => {
    const text = await withFile(() => undefined, octets);
    expect(text).toBe(
      `+OK ${octets.length} octets\r\n${expected}.\r\n+OK Top of message\r\n${expected}.\r\n` +
        `+OK 18 octets\r\nSubject: whole\r\n\r\n.\r\n+OK Bye\r\n`,
    );
  });
});

describe("endings", () => {
  it("ends after too many failed logins, in one log in after another", async () => {
    const { ports } = await start();
    const client = new Client(ports.optional);
    client.send("USER ann\r\nPASS x\r\nUSER ann\r\nPASS x\r\nUSER eve\r\nPASS x\r\nUSER ann\r\nPASS secret word\r\n");
    const text = await client.closed();
    expect(text.match(/\[AUTH\] Authentication failed/g)).toHaveLength(3);
    expect(text).toMatch(/-ERR \[AUTH\] Too many failed logins\r\n$/);
  });

  it("sends away who is too slow to log in", async () => {
    const { ports } = await start({ loginTimeout: 100 });
    const client = new Client(ports.optional);
    expect(await client.closed()).toMatch(/^\+OK .*\r\n-ERR Too slow to log in\r\n$/);
  });

  it("lets a logged-in client end in order when the server shuts down", async () => {
    const { ports, mailboxesOf, drain } = await start();
    const mail = await mailboxesOf("ann");
    await mail.deliver("INBOX", message("Subject: goes\r\n\r\n"));
    const [working, idle] = [new Client(ports.optional), new Client(ports.optional)];
    working.send("USER ann\r\nPASS secret word\r\nDELE 1\r\n");
    await working.until("Marked");
    await idle.until("ready");
    const drained = drain(5_000);
    expect(await idle.closed()).toMatch(/-ERR \[SYS\/TEMP\] Server is shutting down\r\n$/);
    working.send("QUIT\r\n");
    expect(await working.closed()).toMatch(/\+OK Bye\r\n$/);
    await drained;
    expect((await mail.status("INBOX")).messages).toBe(0);
  });

  it("tells nothing of itself in the log but faults", async () => {
    const { ports, logLines } = await start();
    const client = new Client(ports.optional);
    client.send("USER ann\r\nPASS secret word\r\n\u0000\u0001\r\nQUIT\r\n");
    await client.closed();
    expect(JSON.stringify(logLines)).not.toContain("secret");
    expect(logLines.filter(({ level }) => level === "error")).toEqual([]);
  });
});
