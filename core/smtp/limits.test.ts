import { once } from "node:events";
import { describe, expect, it, onTestFinished } from "vitest";
import { definePlugin } from "../kernel/define.ts";
import { proceed } from "../kernel/verdicts.ts";
import { RawClient } from "../testing/raw-client.ts";
import { fixture } from "../testing/smtp-fixture.ts";
import { type SmtpTestOptions, type SmtpTestServer, smtpTestServer } from "../testing/smtp-front.ts";
import type { SmtpLimits } from "./config.ts";

async function serverWith(limits: Partial<SmtpLimits>, options: SmtpTestOptions = {}): Promise<SmtpTestServer> {
  const server = await smtpTestServer({
    ...options,
    plugins: [fixture, ...(options.plugins ?? [])],
    config: { limits },
  });
  onTestFinished(() => server.close());
  return server;
}

async function connected(server: SmtpTestServer): Promise<RawClient> {
  const client = await RawClient.open(server.port);
  onTestFinished(() => void client.socket.destroy());
  return client;
}

async function greeted(server: SmtpTestServer): Promise<RawClient> {
  const client = await connected(server);
  await client.until(/220 .*\r\n/);
  await client.say(server.listener.name === "lmtp" ? "LHLO x.example" : "EHLO x.example");
  return client;
}

async function toData(client: RawClient): Promise<void> {
  await client.say("MAIL FROM:<a@example.net>");
  await client.say("RCPT TO:<user@example.org>");
  expect(await client.say("DATA")).toMatch(/^354/);
}

const session =
  "EHLO x.example\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<user@example.org>\r\nDATA\r\nSubject: x\r\n\r\n..body\r\n.\r\nNOOP\r\nQUIT\r\n";

describe("pipelining", () => {
  it("answers a packet of commands in one write", async () => {
    const client = await greeted(await serverWith({}));
    const before = client.chunks.length;
    client.send("NOOP\r\nMAIL FROM:<a@example.net>\r\nVRFY x\r\nRSET\r\nNOOP\r\n");
    await client.until(/(?:\d{3} .*\r\n){5}/);
    expect(client.chunks.length - before).toBe(1);
  });

  it("takes a session octet by octet as it takes it in one piece", async () => {
    const server = await serverWith({});
    const whole = await connected(server);
    whole.send(session);
    const slow = await connected(server);
    for (const octet of session) {
      slow.send(octet);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const withoutId = (text: string): string => text.replace(/queued as \S+/, "queued as ID");
    expect(withoutId(await slow.closed())).toBe(withoutId(await whole.closed()));
    expect(server.accepted).toHaveLength(2);
    for (const { text } of server.accepted) expect(text).toMatch(/Subject: x\r\n\r\n\.body\r\n$/);
  });

  it("does not read on while a client leaves its replies unread", async () => {
    const server = await serverWith({ idleCommands: 1e9 });
    const client = await greeted(server);
    client.socket.pause();
    const flood = Buffer.from("HELP\r\n".repeat(10_000));
    let sent = 0;
    // Fills both sides' buffers: the server must stop taking long before this.
    while (sent < 100e6 && client.socket.write(flood) !== undefined) {
      sent += flood.length;
      if (client.socket.writableLength > 8e6) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(client.socket.writableLength).toBeGreaterThan(1e6);
    const other = await greeted(server);
    expect(await other.say("NOOP")).toBe("250 2.0.0 Ok");
  });
});

describe("limits", () => {
  it.each([
    ["wrong commands", "XYZZY", 1e9],
    ["refused recipients", "RCPT TO:<nobody@example.org>", 1e9],
  ])("closes with 421 after too many %s", async (_, line) => {
    const client = await greeted(await serverWith({ errors: 5 }));
    await client.say("MAIL FROM:<a@example.net>");
    client.send(`${line}\r\n`.repeat(10));
    expect(await client.closed()).toMatch(/(?:5\d\d .*\r\n){5}421 4\.7\.0 Too many errors\r\n$/);
  });

  it("closes with 421 after too many commands that bring no mail", async () => {
    const client = await greeted(await serverWith({ idleCommands: 10 }));
    client.send("NOOP\r\n".repeat(20));
    expect(await client.closed()).toMatch(/(?:250 .*\r\n){9}421 4\.7\.0 Too many commands without mail\r\n$/);
  });

  it("answers 452 to more recipients than it takes at once", async () => {
    const client = await greeted(await serverWith({ recipients: 2 }));
    await client.say("MAIL FROM:<a@example.net>");
    await client.say("RCPT TO:<user@example.org>");
    await client.say("RCPT TO:<other@example.org>");
    expect(await client.say("RCPT TO:<postmaster@example.org>")).toBe("452 4.5.3 Too many recipients");
    expect(await client.say("DATA")).toMatch(/^354/);
  });

  it("lets a client send the message to those it took, however many are left for the next transaction", async () => {
    const client = await greeted(await serverWith({ recipients: 10, errors: 3 }));
    await client.say("MAIL FROM:<a@example.net>");
    client.send("RCPT TO:<user@example.org>\r\n".repeat(20));
    expect(await client.until(/(?:250 .*\r\n){10}(?:452 .*\r\n){10}/)).not.toContain("421");
    expect(await client.say("DATA")).toMatch(/^354/);
    expect(await client.say("Subject: x\r\n\r\nx\r\n.")).toMatch(/^250/);
    await client.say("MAIL FROM:<a@example.net>");
    client.send("RCPT TO:<user@example.org>\r\n".repeat(30));
    expect(await client.closed()).toMatch(/(?:452 .*\r\n){13}421 4\.7\.0 Too many errors\r\n$/);
  });

  it("takes command lines of 2,048 octets and AUTH lines of 12,288", async () => {
    const client = await greeted(await serverWith({}));
    expect(await client.say(`NOOP ${"x".repeat(2041)}`)).toBe("250 2.0.0 Ok");
    expect(await client.say(`NOOP ${"x".repeat(2042)}`)).toBe("500 5.5.2 Line too long");
    expect(await client.say(`NOOP ${"x".repeat(50_000)}`)).toBe("500 5.5.2 Line too long");
    expect(await client.say(`AUTH PLAIN ${"A".repeat(12_000)}`)).toMatch(/^(?:501|535) /);
    expect(await client.say("AUTH LOGIN")).toMatch(/^334 /);
    expect(await client.say("A".repeat(12_288))).toBe("500 5.5.6 Authentication exchange line is too long");
    expect(await client.say("NOOP")).toBe("250 2.0.0 Ok");
  });

  it.each<[string, Partial<SmtpLimits>, string, string]>([
    [
      "a message over the size",
      { messageSizeBytes: 1000 },
      "x\r\n".repeat(400),
      "552 5.3.4 Message exceeds the size limit",
    ],
    [
      "a header over its size",
      { headerBytes: 200 },
      `${"A: b\r\n".repeat(40)}\r\nbody\r\n`,
      "552 5.3.4 Message header exceeds the size limit",
    ],
    [
      "too many fields",
      { headerFields: 10 },
      `${"A: b\r\n".repeat(11)}\r\nbody\r\n`,
      "554 5.6.0 Message header has too many fields",
    ],
    [
      "a line over its length",
      { bodyLineBytes: 1000 },
      `\r\n${"x".repeat(1001)}\r\n`,
      "554 5.6.0 Message has a line that is too long",
    ],
    ["a NUL", {}, "\r\na\0b\r\n", "550 5.6.0 Message has a NUL octet"],
  ])("refuses %s behind the dot and goes on", async (_, limits, content, expected) => {
    const server = await serverWith(limits);
    const client = await greeted(server);
    await toData(client);
    expect(await client.say(`${content}.`)).toBe(expected);
    expect(server.aborted).toBe(1);
    expect(server.accepted).toHaveLength(0);
    await toData(client);
    expect(await client.say("good\r\n.")).toMatch(/^250/);
  });

  it("takes a message of just the size it announces", async () => {
    const client = await greeted(await serverWith({ messageSizeBytes: 1000 }));
    await toData(client);
    expect(await client.say(`${"x".repeat(498)}\r\n${"..".padEnd(499, "x")}\r\n.`)).toMatch(/^250/);
  });

  it("refuses a message in a loop", async () => {
    const client = await greeted(await serverWith({}));
    await toData(client);
    const trace = "Received: from a by b; Thu, 1 Jan 1970 00:00:00 +0000\r\n";
    expect(await client.say(`${trace.repeat(101)}\r\nbody\r\n.`)).toMatch(/^554 5\.4\.6 /);
  });

  it("gathers a message that comes octet by octet in few pieces", async () => {
    const server = await serverWith({});
    const client = await greeted(server);
    await toData(client);
    const text = `Subject: x\r\n\r\n${"0123456789\r\n".repeat(100)}`;
    for (const octet of text) {
      client.send(octet);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await client.say(".")).toMatch(/^250/);
    expect(server.accepted[0]?.text.endsWith(text)).toBe(true);
    expect(server.pieces).toBe(1);
  });
});

describe("the spool's troubles", () => {
  it.each([
    ["full at once", "452 4.3.1"],
    ["full", "452 4.3.1"],
    ["broken", "451 4.3.0"],
  ] as const)("answers when the spool is %s: %s", async (fault, expected) => {
    const server = await serverWith({});
    const client = await greeted(server);
    server.spoolFault = fault;
    await client.say("MAIL FROM:<a@example.net>");
    await client.say("RCPT TO:<user@example.org>");
    let answer = await client.say("DATA");
    if (fault !== "full at once") {
      expect(answer).toMatch(/^354/);
      answer = await client.say(`${"x".repeat(5000)}\r\n.`);
    }
    expect(answer.startsWith(expected)).toBe(true);
    expect(answer).not.toMatch(/EIO|disk|fire/);
    server.spoolFault = "none";
    await toData(client);
    expect(await client.say("good\r\n.")).toMatch(/^250/);
    expect(server.accepted).toHaveLength(1);
  });
});

describe("a spool that is known to be full", () => {
  it("is told of at MAIL, before anything was sent, and the session goes on", async () => {
    const server = await serverWith({});
    const client = await greeted(server);
    server.spoolFault = "known to be full";
    expect(await client.say("MAIL FROM:<a@example.net> SIZE=5000")).toMatch(/^452 4\.3\.1 /);
    expect(await client.say("RCPT TO:<user@example.org>")).toMatch(/^503 /);
    server.spoolFault = "none";
    await toData(client);
    expect(await client.say("good\r\n.")).toMatch(/^250/);
  });
});

describe("time-outs", () => {
  it("closes with 421 when no command comes in time", async () => {
    const client = await connected(await serverWith({ commandTimeoutMs: 60 }));
    expect(await client.closed()).toMatch(/^220 .*\r\n421 4\.4\.2 .*\r\n$/);
  });

  it("gives no more time to a client that sends a command octet by octet", async () => {
    const server = await serverWith({ commandTimeoutMs: 200 });
    const client = await connected(server);
    const drip = setInterval(() => client.send("N"), 20);
    onTestFinished(() => clearInterval(drip));
    expect(await client.closed()).toMatch(/421 4\.4\.2 .*\r\n$/);
  });

  it("cuts off a client that never reads its replies", async () => {
    const client = await greeted(await serverWith({ writeTimeoutMs: 100, idleCommands: 1e9 }));
    client.socket.pause();
    const flood = Buffer.from("HELP\r\n".repeat(10_000));
    const gone = new Promise((resolve) => client.socket.once("close", resolve));
    while (!client.socket.destroyed && client.socket.writableLength < 8e6) {
      client.socket.write(flood);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await gone;
  });
});

describe("a TLS handshake", () => {
  it.each([
    ["nothing", ""],
    ["half of it", "\x16\x03\x01\x02\x00\x01\x00\x00"],
    ["something else", "EHLO x.example\r\n"],
  ])("of which only %s comes holds no connection once the client has gone", async (_, octets) => {
    const server = await serverWith({}, { tls: "optional" });
    const client = await greeted(server);
    expect(await client.say("STARTTLS")).toMatch(/^220 /);
    client.send(octets);
    client.socket.end();
    // Long before the time that a handshake may take.
    const until = performance.now() + 15_000;
    while (server.listener.connections > 0 && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(server.listener.connections).toBe(0);
  });
});

describe("before the banner", () => {
  it("tells a client that speaks too early, and goes", async () => {
    let release: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => {
      release = resolve;
    });
    const patient = definePlugin({
      name: "policy-patient",
      api: 1,
      setup: () => ({
        hooks: {
          connect: async (session) => {
            session.spokenEarly?.addEventListener("abort", () => release());
            await waiting;
            return proceed;
          },
        },
      }),
    });
    const server = await serverWith({}, { plugins: [patient] });
    const early = await connected(server);
    const polite = await connected(server);
    early.send("EHLO x.example\r\nMAIL FROM:<a@example.net>\r\n");
    expect(await early.closed()).toBe("554 5.5.0 Spoke before the greeting\r\n");
    expect(await polite.until(/220 .*\r\n/)).toMatch(/^220 /);
  });
});

describe("behind QUIT", () => {
  it("waits for nothing: the connection is over before the client ends its side", async () => {
    const server = await serverWith({});
    const client = await greeted(server);
    const ended = once(client.socket, "end");
    client.send("QUIT\r\n");
    await ended;
    expect(client.received).toMatch(/^221 2\.0\.0 .*\r\n$/m);
    await expect.poll(() => server.listener.connections, { timeout: 4_000 }).toBe(0);
    expect(client.socket.writable).toBe(true);
  });

  it("says good-bye also to a client that goes on talking, and does none of what it says", async () => {
    const server = await serverWith({});
    const client = await greeted(server);
    client.send(`QUIT\r\n${session.repeat(50)}`);
    expect(await client.closed()).toMatch(/221 2\.0\.0 .*\r\n$/);
    expect(server.accepted).toHaveLength(0);
  });

  it("ends TLS with its own good-bye", async () => {
    const client = await connected(await serverWith({}, { tls: "optional" }));
    await client.until(/220 .*\r\n/);
    await client.say("EHLO x.example");
    await client.say("STARTTLS");
    await client.startTls();
    const ended = once(client.socket, "end");
    client.send("QUIT\r\n");
    await ended;
    expect(client.received).toMatch(/221 2\.0\.0 .*\r\n$/);
  });
});
