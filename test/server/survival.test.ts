/**
 * Nothing that got its 250 is ever lost: not when the server is told to end in the middle of everything, not when all of it
 * or one worker is killed. SURVIVAL_ROUNDS says how often (default 2).
 */
import { readdir, readFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { bob, RunningServer } from "./running-server.ts";

const rounds = Number(process.env.SURVIVAL_ROUNDS ?? 2);
const connections = 4;

let server: RunningServer;
beforeEach(async () => {
  server = await RunningServer.prepare({ config: ["workers: 2"] });
});
afterEach(() => server.stop());

/** Sends numbered messages until the server is gone; answers the numbers that got their 250. */
async function sendUntilGone(take: () => number, onConfirmed: (number: number) => void): Promise<void> {
  await Promise.all(Array.from({ length: connections }, () => sendOn(server.ports.mx, take, onConfirmed)));
}

function sendOn(port: number, take: () => number, onConfirmed: (number: number) => void): Promise<void> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    let number = 0;
    let step = 0;
    const content = () =>
      `Subject: number ${number}\r\nMessage-ID: <${number}@example.net>\r\n\r\n${"x".repeat(number % 2_000)}\r\n.\r\n`;
    const commands = [
      () => "EHLO load.example\r\n",
      () => "MAIL FROM:<sender@example.net>\r\n",
      () => `RCPT TO:<${bob.address}>\r\n`,
      () => "DATA\r\n",
      content,
    ];
    let text = "";
    socket.setEncoding("latin1").on("data", (more) => {
      text += more;
      if (!/^\d{3} [^\n]*\n$/.test(text.slice(text.lastIndexOf("\n", text.length - 2) + 1))) return;
      const isGood = /^[23]/.test(text);
      text = "";
      if (!isGood) {
        socket.destroy();
        return;
      }
      if (step === commands.length) {
        onConfirmed(number);
        step = 1;
      }
      if (step === 1) number = take();
      socket.write(commands[step++]?.() ?? "QUIT\r\n");
    });
    socket.on("error", () => socket.destroy()).on("close", () => resolve());
  });
}

/** Numbers in bob's INBOX, each as often as it is there. */
async function delivered(): Promise<number[]> {
  const maildir = join(server.dataDir, "mail/example.org/bob/Maildir");
  const numbers: number[] = [];
  for (const part of ["new", "cur"]) {
    for (const name of await readdir(join(maildir, part)).catch(() => [])) {
      const source = await readFile(join(maildir, part, name), "latin1");
      numbers.push(Number(/^Subject: number (\d+)\r$/m.exec(source)?.[1]));
    }
  }
  return numbers;
}

async function survive(end: () => Promise<unknown>): Promise<void> {
  let next = 0;
  const confirmed = new Set<number>();
  for (let round = 0; round < rounds; round++) {
    await server.startProcess();
    const enough = confirmed.size + 5 + Math.floor(Math.random() * 120);
    let reached = () => {};
    const isEnough = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const gone = sendUntilGone(
      () => next++,
      (number) => {
        confirmed.add(number);
        if (confirmed.size >= enough) reached();
      },
    );
    await isEnough;
    await end();
    await gone;
  }
  await server.startProcess();
  const missing = async () => {
    const there = new Set(await delivered());
    return [...confirmed].filter((number) => !there.has(number));
  };
  for (let from = 0; (await missing()).length > 0; from = server.lines.length) {
    await server.logged((line) => line.msg === "delivered", from);
  }
  const all = await delivered();
  expect(confirmed.size).toBeGreaterThanOrEqual(rounds * 5);
  expect(all.every((number) => Number.isInteger(number))).toBe(true);
  // The hand-over into a Maildir is repeated under the same name, so even a repeated one is there once.
  expect(new Set(all).size).toBe(all.length);
}

it.each(["SIGTERM", "SIGHUP"] as const)(
  "drains at %s in the middle of everything, ends with 0, and loses nothing",
  async (signal) => {
    await survive(async () => expect(await server.stopProcess(signal)).toBe(0));
  },
);

it("loses nothing when primary and workers are killed at once", async () => {
  await survive(() => server.killAll());
});

it("goes on by itself when a worker is killed", async () => {
  await survive(async () => {
    const from = server.lines.length;
    await server.killWorker();
    await server.logged((line) => line.msg.startsWith("worker died"), from);
    await server.stopProcess("SIGTERM");
  });
});
