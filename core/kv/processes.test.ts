/** Several real processes on one KeyValue: none loses a change, and one that is killed takes its leases with it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLog } from "../testing/kernel.ts";
import { createKeyValue, type OpenKeyValue } from "./key-value.ts";

const moduleUrl = new URL("./key-value.ts", import.meta.url).href;

/** Reads one command a line, answers one line. */
const SCRIPT = `
import { createInterface } from "node:readline";
import { createKeyValue } from ${JSON.stringify(moduleUrl)};
const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
const kv = createKeyValue({ directory: process.argv[1], clock: Date, log });
const space = kv.space("test");
const FAR = Date.now() + 3_600_000;
const commands = {
  count: async (key, times) => {
    await Promise.all(Array.from({ length: Number(times) }, () => space.update(key, (n) => ({ value: (n ?? 0) + 1, expiresAtMs: FAR }))));
    return "counted";
  },
  write: async (prefix) => {
    for (let n = 0; ; n += 1) {
      await space.update(prefix + n, () => ({ value: n, expiresAtMs: FAR }));
      process.stdout.write("wrote " + n + "\\n");
    }
  },
  lease: async (gauge, limit) => (await kv.lease(gauge, Number(limit)))?.held ?? "none",
  get: async (key) => JSON.stringify(await space.get(key)),
  close: async () => { await kv.close(); return "closed"; },
};
for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...args] = line.split(" ");
  process.stdout.write((await commands[name](...args)) + "\\n");
}
`;

class Worker {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly reader: Interface;

  constructor(directory: string) {
    this.process = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", SCRIPT, directory], {
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
      stdio: ["pipe", "pipe", "inherit"],
    });
    if (!this.process.stdout) throw new Error("no stdout");
    this.reader = createInterface({ input: this.process.stdout });
    this.#lines = this.reader[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("the process has ended");
    return value;
  }

  async ask(command: string): Promise<string> {
    this.process.stdin?.write(`${command}\n`);
    return this.line();
  }

  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await gone;
  }
}

describe("processes that share a KeyValue", () => {
  let directory = "";
  let workers: Worker[] = [];
  let kvs: OpenKeyValue[] = [];
  const worker = () => {
    const one = new Worker(directory);
    workers.push(one);
    return one;
  };
  const open = () => {
    const kv = createKeyValue({ directory, clock: Date, log: silentLog });
    kvs.push(kv);
    return kv;
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "postern-kv-"));
  });
  afterEach(async () => {
    for (const one of workers) await one.kill();
    for (const kv of kvs) await kv.close();
    workers = [];
    kvs = [];
    await rm(directory, { recursive: true, force: true });
  });

  it("lose no change to one key that all of them change", async () => {
    const all = [worker(), worker(), worker()];
    const kv = open();
    const space = kv.space<number>("test");
    const mine = Array.from({ length: 2_000 }, () =>
      space.update("hot", (n) => ({ value: (n ?? 0) + 1, expiresAtMs: Date.now() + 3_600_000 })),
    );
    expect(await Promise.all(all.map((one) => one.ask("count hot 2000")))).toEqual(Array(3).fill("counted"));
    await Promise.all(mine);
    expect(await space.get("hot")).toBe(8_000);
    expect(await all[0]?.ask("get hot")).toBe("8000");
  });

  it("keep what was answered, though the process was killed in the middle of its work", async () => {
    for (let round = 0; round < 3; round += 1) {
      const writer = worker();
      writer.process.stdin?.write(`write r${round}/\n`);
      let last = -1;
      for (let lines = 0; lines < 200; lines += 1) last = Number((await writer.line()).split(" ")[1]);
      await writer.kill();
      const space = open().space<number>("test");
      for (let n = 0; n <= last; n += 1) expect(await space.get(`r${round}/${n}`)).toBe(n);
      expect(await space.update("alive", (n) => ({ value: (n ?? 0) + 1, expiresAtMs: Number.MAX_VALUE }))).toBe(
        round + 1,
      );
    }
    expect((await readdir(directory)).filter((name) => name.endsWith(".damaged"))).toEqual([]);
  });

  it("give up their leases when they are killed, and only then", async () => {
    const [one, other] = [worker(), worker()];
    expect(await one.ask("lease g 10")).toBe("1");
    expect(await one.ask("lease g 10")).toBe("2");
    expect(await other.ask("lease g 10")).toBe("3");
    const kv = open();
    expect((await kv.lease("g", 10))?.held).toBe(4);
    expect(await kv.lease("g", 4)).toBeNull();
    await one.kill();
    expect((await kv.lease("g", 10))?.held).toBe(3);
    await other.kill();
    expect((await kv.lease("g", 10))?.held).toBe(3);
  });

  it("give them up in order, too", async () => {
    const one = worker();
    expect(await one.ask("lease g 1")).toBe("1");
    const kv = open();
    expect(await kv.lease("g", 1)).toBeNull();
    expect(await one.ask("close")).toBe("closed");
    expect((await kv.lease("g", 1))?.held).toBe(1);
  });
});
