import { mkdtemp, rm, stat } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { SpoolSummary } from "../contracts/spool.ts";
import type { ListRoom } from "../control/desk.ts";
import { openPublicList } from "../control/public-list.ts";
import { keptLog } from "../testing/kernel.ts";
import { printList } from "./queue/print-list.ts";
import { publicSlots } from "./queue/public-slots.ts";

const closing: (() => unknown)[] = [];
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "postern-public-"));
  closing.push(() => rm(directory, { recursive: true, force: true }));
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const summary = (id: string): SpoolSummary => ({
  ...{
    id,
    origin: "smtp",
    reversePath: "ann@example.org",
    login: null,
    sizeBytes: 2_000,
    acceptedAt: 1_700_000_000_000,
  },
  ...{ dueAt: 0, attempts: 1, hold: null, open: ["bob@example.net"], openCount: 1 },
  lastReply: { code: 451, status: "4.4.1", text: "Connection timed out", host: "mx.example.net" },
});

async function worker(slot: number, list: ListRoom["spool"]["list"]) {
  const kept = keptLog();
  const room = { spool: { list }, stateOf: () => null, clock: Date };
  const listener = await openPublicList(join(directory, `${slot}`), room, { mode: 0o666, gid: null }, kept.log);
  closing.push(() => listener.close());
  return { ...kept, listener };
}

async function asked(request: object | string): Promise<string> {
  const socket = connect(join(directory, "0"));
  socket.write(typeof request === "string" ? request : `${JSON.stringify(request)}\n`);
  return text(socket);
}

async function mailq(): Promise<string> {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const said = text(out);
  const request = { filter: {}, form: "mailq", head: "HEAD\n" } as const;
  const terminal = { out, err, in: Readable.from([]), cwd: directory };
  try {
    await printList(publicSlots(directory), request, terminal);
  } finally {
    out.end();
  }
  return said;
}

async function* one(...ids: readonly string[]): AsyncIterable<readonly SpoolSummary[]> {
  yield ids.map(summary);
}

it("tells any user what waits at all workers", async () => {
  await worker(0, () => one("a", "b"));
  await worker(1, () => one("c"));
  expect((await stat(join(directory, "0"))).mode & 0o777).toBe(0o666);
  const said = await mailq();
  expect(said.startsWith("HEAD\n")).toBe(true);
  expect(said.match(/^[abc] .*ann@example\.org$/gm)?.length).toBe(3);
  expect(said).toContain("Connection timed out");
});

it("answers nothing but that list", async () => {
  await worker(0, () => one("a"));
  for (const request of [
    { ask: "show", id: "a", hasContent: true },
    { ask: "act", action: "delete", ids: ["a"], text: null },
    { ask: "flushAll" },
    { ask: "list", filter: {}, form: "json" },
    {},
  ])
    expect(await asked(request)).toMatch(/^{"is":"wrong","reason":"there is nothing here/);
  // A filter of a stranger is none of ours.
  expect(await asked({ ask: "list", filter: { sender: "*a".repeat(100) }, form: "mailq" })).toContain(
    "ann@example.org",
  );
  expect(await asked("x".repeat(5_000))).toBe("");
});

it("does not tell users what ails the spool, and goes on", async () => {
  let isIll = true;
  const { lines } = await worker(0, () => {
    if (isIll) throw new Error("EIO /var/lib/secret");
    return one("a");
  });
  expect(await asked({ ask: "list", filter: {}, form: "mailq" })).toBe(
    '{"is":"wrong","reason":"the queue cannot be listed now"}\n',
  );
  expect(JSON.stringify(lines)).toContain("users cannot see the queue now");
  isIll = false;
  expect(await mailq()).toContain("ann@example.org");
});

it("has room for so many, and says so to the next one", async () => {
  await worker(0, () => one("a"));
  const idle = Array.from({ length: 8 }, () => connect(join(directory, "0")));
  closing.push(() => idle.forEach((socket) => void socket.destroy()));
  await Promise.all(idle.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
  await expect(mailq()).rejects.toMatchObject({ exitCode: 75, message: expect.stringContaining("not whole") });
  for (const socket of idle) socket.destroy();
  await Promise.all(idle.map((socket) => socket.closed || new Promise((resolve) => socket.once("close", resolve))));
  await expect.poll(mailq, { timeout: 60_000 }).toContain("ann@example.org");
});

it("says that nobody is there, and does not take it for an empty queue", async () => {
  await expect(mailq()).rejects.toMatchObject({ exitCode: 69 });
  const { listener } = await worker(0, () => one("a"));
  await listener.close();
  await expect(mailq()).rejects.toMatchObject({ exitCode: 69 });
});
