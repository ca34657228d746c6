/** A primary with workers that only pretend: what becomes of a slot whose worker ends again and again. */
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import type { Log } from "../contracts/log.ts";
import { Primary } from "./primary.ts";
import { UnixSockets } from "./unix-sockets.ts";

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const work of cleanUp.splice(0).reverse()) await work();
});

/** Writes down each start as `<slot> <listens> <pid>`, then does as the file `mode` says. */
const workerText = (dir: string) => `
import { appendFileSync, readFileSync } from "node:fs";
const task = JSON.parse(process.env.POSTERN_WORKER);
const mode = readFileSync(${JSON.stringify(join(dir, "mode"))}, "utf8");
appendFileSync(${JSON.stringify(join(dir, "starts"))}, task.slot + " " + task.listens + " " + process.pid + "\\n");
if (task.slot === 0 && mode === "broken listeners" && task.listens) process.exit(70);
process.send({ is: "ready", listeners: [] });
process.on("message", (message) => { if (message.is === "drain") process.exit(0); });
`;

async function startedPrimary(steadyMs: number) {
  const dir = await mkdtemp(join(tmpdir(), "postern-primary-"));
  cleanUp.push(() => rm(dir, { recursive: true, force: true }));
  const workerFile = join(dir, "worker.mjs");
  await writeFile(workerFile, workerText(dir));
  await writeFile(join(dir, "mode"), "well");
  await appendFile(join(dir, "starts"), "");
  const texts: string[] = [];
  const at = (_: object, text: string) => void texts.push(text);
  const log: Log = { debug: at, info: at, warn: at, error: at, child: () => log };
  const tasks = [0, 1].map((slot) => ({ slot, listens: true, configFile: "", isAlone: false }));
  const primary = new Primary({
    ...{ tasks, workerFile, execArgv: [], log, certificatePaths: new Set<string>(), sockets: new UnixSockets([]) },
    steadyMs,
  });
  cleanUp.push(() => primary.stop());
  await primary.start();
  /** Of the slot, in order. */
  const starts = async (slot: number) => {
    const lines = (await readFile(join(dir, "starts"), "utf8")).split("\n").map((line) => line.split(" "));
    return lines.flatMap(([of, listens, pid]) => (Number(of) === slot && pid ? [{ listens, pid: Number(pid) }] : []));
  };
  return {
    texts,
    starts,
    mode: (mode: string) => writeFile(join(dir, "mode"), mode),
    async killSlot(slot: number) {
      const last = (await starts(slot)).at(-1);
      if (last) process.kill(last.pid, "SIGKILL");
    },
  };
}

const patience = { timeout: 60_000, interval: 50 };

it("a slot whose worker dies gets another one, and the other slots keep theirs", async () => {
  const { killSlot, starts } = await startedPrimary(60_000);
  await killSlot(0);
  await vi.waitFor(async () => expect(await starts(0)).toHaveLength(2), patience);
  await killSlot(0);
  await vi.waitFor(async () => expect(await starts(0)).toHaveLength(3), patience);
  expect((await starts(0)).map(({ listens }) => listens)).toEqual(["true", "true", "true"]);
  expect(await starts(1)).toHaveLength(1);
});

it("a worker that cannot start with its listeners works its mail off without them, and gets them back", async () => {
  const { mode, killSlot, starts, texts } = await startedPrimary(500);
  await mode("broken listeners");
  await killSlot(0);
  const listening = async () => (await starts(0)).map(({ listens }) => listens);
  await vi.waitFor(
    async () => expect((await listening()).slice(0, 4)).toEqual(["true", "true", "true", "false"]),
    patience,
  );
  expect(texts).toContain("worker could not start again and again: it works off its mail without listeners");
  await mode("well");
  await vi.waitFor(async () => expect((await listening()).slice(4)).toContain("true"), patience);
  expect(await starts(1)).toHaveLength(1);
});
