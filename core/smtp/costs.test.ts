/** What clients cost that try to cost much: counted, with a clock that the test turns. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Hooks } from "../contracts/hooks.ts";
import { definePlugin } from "../kernel/define.ts";
import { proceed } from "../kernel/verdicts.ts";
import { type ManualClock, manualClock } from "../testing/manual-clock.ts";
import { MemoryClient } from "../testing/memory-client.ts";
import { fixture } from "../testing/smtp-fixture.ts";
import { type SmtpTestServer, smtpTestServer } from "../testing/smtp-front.ts";
import { CommandInput } from "./command-input.ts";
import type { SmtpLimits } from "./config.ts";
import { DotScanner } from "./dot-scanner.ts";

const MINUTE_MS = 60_000;

interface Bench {
  readonly server: SmtpTestServer;
  readonly clock: ManualClock;
  /** How often the front has set its alarm. */
  readonly alarms: () => number;
  client(how?: { readonly reads?: boolean }): MemoryClient;
}

async function benchWith(
  limits: Partial<SmtpLimits> = {},
  hooks: (clock: ManualClock) => Hooks = () => ({}),
): Promise<Bench> {
  const clock = manualClock();
  let alarms = 0;
  const server = await smtpTestServer({
    plugins: [fixture, definePlugin({ name: "policy-test", api: 1, setup: () => ({ hooks: hooks(clock) }) })],
    config: { limits },
    clock,
    alarm: (delayMs, ring) => {
      alarms++;
      return clock.alarm(delayMs, ring);
    },
  });
  onTestFinished(() => server.close());
  return {
    ...{ server, clock, alarms: () => alarms },
    client(how = {}) {
      const client = new MemoryClient(server.serve, how);
      onTestFinished(() => client.destroy());
      return client;
    },
  };
}

/** Lets everything happen that does not wait for the clock. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await nextTurn();
}

async function inContent(client: MemoryClient, verb = "DATA\r\n", reply = /\n354 /): Promise<void> {
  await client.until(/^220 /);
  client.send(`EHLO x.example\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<user@example.org>\r\n${verb}`);
  await client.until(reply);
}

/** Sends a piece each minute; answers after how many the server had enough. */
async function minutesOf({ clock }: Bench, client: MemoryClient, piece: string, limit: number): Promise<number> {
  for (let minute = 1; minute <= limit; minute++) {
    clock.advance(MINUTE_MS);
    client.send(piece);
    await settled();
    if (client.isEnded) return minute;
  }
  return limit + 1;
}

describe("a client that is slow", () => {
  it("is cut off with 421 when it brings a message octet by octet, one a minute", async () => {
    const bench = await benchWith();
    const client = bench.client();
    await inContent(client);
    expect(await minutesOf(bench, client, "x", 30)).toBe(5);
    expect(await client.closed()).toMatch(/\n421 4\.4\.2 Data comes too slowly\r\n$/);
    expect(bench.server.aborted).toBe(1);
    expect(bench.server.pieces).toBe(0);
    // One timer for everybody, which looks once a second.
    expect(bench.alarms()).toBeLessThanOrEqual(6 * 60 + 1);
  });

  it("wins nothing with chunks of one octet", async () => {
    const bench = await benchWith();
    const client = bench.client();
    await inContent(client, "BDAT 1\r\nx", /\n250 2\.0\.0 1 octets received\r\n/);
    const minutes = await minutesOf(bench, client, "BDAT 1\r\nx", 30);
    // Half of the time it waits for octets, half for a command: both count.
    expect(minutes).toBeLessThanOrEqual(6);
    expect(await client.closed()).toMatch(/\n421 4\.4\.2 Data comes too slowly\r\n$/);
  });

  it("may be as slow as it likes where no rate is asked for", async () => {
    const bench = await benchWith({ minDataRate: 0 });
    const client = bench.client();
    await inContent(client);
    expect(await minutesOf(bench, client, "x", 30)).toBe(31);
  });

  it("is taken with the speed of a phone that stands in a tunnel for minutes", async () => {
    const bench = await benchWith();
    const client = bench.client();
    await inContent(client);
    client.send("Subject: on the way\r\n\r\n");
    const second = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n".repeat(16);
    for (let part = 0; part < 10; part++) {
      for (let seconds = 0; seconds < 40; seconds++) {
        bench.clock.advance(1000);
        client.send(second);
        await nextTurn();
      }
      bench.clock.advance(2.5 * MINUTE_MS);
    }
    client.send(".\r\n");
    await client.until(/\n250 2\.0\.0 Ok: queued/);
  });

  it("has five minutes for a command, however it spreads the octets", async () => {
    const bench = await benchWith();
    const client = bench.client();
    await client.until(/^220 /);
    expect(await minutesOf(bench, client, "N", 30)).toBe(5);
    expect(await client.closed()).toMatch(/\r\n421 4\.4\.2 Timed out/);
  });

  it.each<[string, Partial<SmtpLimits>, number]>([
    ["two minutes to begin with a message", {}, 2],
    ["what the administrator says to begin with it", { contentStartTimeoutMs: 4 * MINUTE_MS }, 4],
  ])("has %s", async (_, limits, minutes) => {
    const bench = await benchWith(limits);
    const client = bench.client();
    await inContent(client);
    bench.clock.advance(minutes * MINUTE_MS - 1);
    await settled();
    expect(client.isEnded).toBe(false);
    bench.clock.advance(2000);
    expect(await client.closed()).toMatch(/421 4\.4\.2 Timed out/);
  });

  it("has three minutes between two pieces of a message", async () => {
    const bench = await benchWith();
    const client = bench.client();
    await inContent(client);
    client.send("x".repeat(100_000));
    await settled();
    bench.clock.advance(3 * MINUTE_MS - 1);
    client.send("x");
    await settled();
    expect(client.isEnded).toBe(false);
    bench.clock.advance(3 * MINUTE_MS + 1000);
    expect(await client.closed()).toMatch(/421 4\.4\.2 Timed out/);
    expect(bench.server.aborted).toBe(1);
  });
});

it("a client is not charged for the time that it waits for us", async () => {
  let asked = 0;
  const slow = (clock: ManualClock): Hooks => ({
    mailFrom: async () => {
      await nextTurn();
      asked++;
      clock.advance(20 * MINUTE_MS);
      return proceed;
    },
  });
  const client = (await benchWith({}, slow)).client();
  await inContent(client);
  expect(asked).toBe(1);
  expect(client.received).not.toContain("421");
});

describe("a client that sends without end", () => {
  it("is not read any more while it leaves its replies unread, and gone after the time for that", async () => {
    const bench = await benchWith({ idleCommands: 1e9 });
    const client = bench.client({ reads: false });
    const flood = Buffer.from("HELP\r\n".repeat(10_000));
    let takenBytes = 0;
    for (let times = 0; times < 1000 && !client.socket.writableNeedDrain; times++) {
      client.send(flood);
      takenBytes += flood.length;
      await settled();
    }
    expect(takenBytes).toBeLessThan(1e6);
    // What waits for the client: at most one batch of replies over the mark at which we stop reading.
    expect(client.server.writableLength).toBeLessThan(64 * 1024);
    const before = bench.alarms();
    bench.clock.advance(4 * MINUTE_MS);
    await settled();
    expect(client.server.destroyed).toBe(false);
    bench.clock.advance(1.1 * MINUTE_MS);
    await settled();
    expect(client.server.destroyed).toBe(true);
    expect(bench.alarms() - before).toBeLessThanOrEqual(6 * 60);
  });

  it("that reads its replies is cut off after so many commands without mail", async () => {
    const client = (await benchWith({ idleCommands: 50 })).client();
    await client.until(/^220 /);
    client.send("NOOP\r\n".repeat(100_000));
    expect(await client.closed()).toMatch(/^220 .*\r\n(?:250 .*\r\n){50}421 4\.7\.0 .*\r\n$/);
  });

  it.each([
    ["chunks that are empty", "BDAT 0\r\n"],
    ["chunks of a message that was refused", "BDAT 1\r\nx"],
  ])("is cut off after too many %s", async (_, chunk) => {
    const client = (await benchWith({ idleCommands: 50 })).client();
    await client.until(/^220 /);
    const refused = chunk.startsWith("BDAT 1") ? "BDAT 1\r\n\0" : "";
    client.send(`EHLO x\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<user@example.org>\r\n${refused}${chunk.repeat(5000)}`);
    const said = await client.closed();
    expect(said).toMatch(/\n421 4\.7\.0 Too many commands without mail\r\n$/);
    expect(said.length).toBeLessThan(5000);
  });

  it.each([
    ["a message", "DATA\r\n", "x\r\n"],
    ["a refused message", "DATA\r\n", "\0\r\n"],
  ])("of %s is cut off at twice the size that it may have", async (_, verb, line) => {
    const bench = await benchWith({ messageSizeBytes: 100_000 });
    const client = bench.client();
    await inContent(client, verb);
    const block = Buffer.from(line.repeat(3000));
    let sentBytes = 0;
    while (!client.isEnded && sentBytes < 10e6) {
      client.send(block);
      sentBytes += block.length;
      await settled();
    }
    expect(await client.closed()).toMatch(/\n552 5\.3\.4 Message is far over the size limit\r\n$/);
    expect(sentBytes).toBeLessThan(250_000);
    expect(bench.server.aborted).toBe(1);
  });

  it("has no more of its refused chunks read than of one message", async () => {
    const bench = await benchWith({ messageSizeBytes: 100_000, idleCommands: 1e9, errors: 1e9 });
    const client = bench.client();
    await client.until(/^220 /);
    client.send(`BDAT 30000\r\n${"x".repeat(30_000)}`.repeat(20));
    const said = await client.closed();
    expect(said).toMatch(/^220 .*\r\n(?:503 5\.5\.1 Need MAIL first\r\n){6}552 5\.3\.4 .*\r\n$/);
  });

  it("does not fill memory with a line that has no end", () => {
    const input = new CommandInput(12_288);
    const piece = Buffer.alloc(64 * 1024, "x");
    const before = process.memoryUsage().arrayBuffers;
    for (let times = 0; times < 5000; times++) {
      input.offer(piece);
      expect(input.line()).toBe(null);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8e6);
    input.offer(Buffer.from("\r\nNOOP\r\n"));
    expect(input.line()).toBe("too long");
    expect(String(input.line())).toBe("NOOP");
  });
});

describe("a body of dots", () => {
  it.each([
    ["stuffed dots", "..\r\n"],
    ["dots that are not stuffed", ".x\r\n"],
    ["lines of dots", `${".".repeat(60)}\r\n`],
    ["dots and bare CRs", "\r\n.\r"],
    ["dots and bare LFs", "\n.\n"],
    ["CRs", "\r"],
    ["empty lines", "\r\n"],
  ])("of %s costs two pieces a read at most, and moves each octet once", (_, line) => {
    let pieces = 0;
    let bytes = 0;
    const scanner = new DotScanner((piece) => {
      pieces++;
      bytes += piece.length;
    });
    const text = Buffer.from(line.repeat(Math.ceil(65_536 / line.length)));
    const reads = 20;
    let movedBytes = 0;
    for (let read = 0; read < reads; read++) {
      const chunk = Buffer.from(text);
      const { copyWithin } = chunk;
      chunk.copyWithin = (to: number, from: number, end: number) => {
        movedBytes += end - from;
        return copyWithin.call(chunk, to, from, end);
      };
      expect(scanner.scan(chunk, 0)).toBe(-1);
    }
    expect(pieces).toBeLessThanOrEqual(2 * reads);
    expect(bytes).toBeLessThanOrEqual(reads * text.length + 1);
    expect(movedBytes).toBeLessThanOrEqual(reads * text.length);
  });

  it("is kept in as few pieces as any other", async () => {
    const bench = await benchWith({ messageSizeBytes: 10e6 });
    const client = bench.client();
    await inContent(client);
    for (let block = 0; block < 100; block++) client.send("\r\n..".repeat(4096));
    client.send("\r\n.\r\n");
    await client.until(/\n250 2\.0\.0 Ok: queued/);
    expect(bench.server.pieces).toBeLessThanOrEqual(250);
    expect(bench.server.accepted[0]?.text.endsWith(`${"\r\n.".repeat(1000)}\r\n`)).toBe(true);
  });
});
