/** What is wrong on disk never keeps a KeyValue from opening, and never leads to an answer that is wrong. */
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keptLog } from "../testing/kernel.ts";
import { manualClock } from "../testing/manual-clock.ts";
import { openEnvironment } from "./environment.ts";
import { createKeyValue, type KeyValueOptions, type OpenKeyValue } from "./key-value.ts";
import { snapshot } from "./maintenance.ts";
import { TABLES } from "./tables.ts";

let directory = "";
let opened: OpenKeyValue[] = [];
const clock = manualClock();
const logged = keptLog();
const errors = () => logged.lines.filter(({ level }) => level === "error").map(({ text }) => text);

const open = (options: Partial<KeyValueOptions> = {}): OpenKeyValue => {
  const kv = createKeyValue({ directory, clock, log: logged.log, ...options });
  opened.push(kv);
  return kv;
};
const close = async () => {
  for (const kv of opened.splice(0)) await kv.close();
};
const put = (kv: OpenKeyValue, key: string, value: unknown, forMs = 3_600_000) =>
  kv.space("a").update(key, () => ({ value, expiresAtMs: clock.now() + forMs }));
const currentFile = () => join(directory, "current");
/** As a process leaves it that was ended with its machine. */
const loseMachine = async () => {
  const { generation } = JSON.parse(await readFile(currentFile(), "utf8"));
  await writeFile(currentFile(), JSON.stringify({ generation, boot: "another boot", isClean: false }));
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "postern-kv-"));
});
afterEach(async () => {
  await close();
  opened = [];
  await rm(directory, { recursive: true, force: true });
});

describe("an environment that is damaged", () => {
  it.each<[string, (file: string) => Promise<void>]>([
    ["cut off", (file) => truncate(file, 8_192)],
    ["empty but for one page", (file) => truncate(file, 100)],
    ["no environment at all", (file) => writeFile(file, Buffer.alloc(200_000, "no LMDB"))],
  ])("(%s) is set aside, and all begins anew", async (_, damage) => {
    const before = open();
    for (let n = 0; n < 300; n += 1) await put(before, `k${n}`, "x".repeat(200));
    await close();
    await damage(join(directory, "1", "data.mdb"));
    const after = open();
    expect(await after.space("a").get("k1")).toBeNull();
    expect(await put(after, "k1", 2)).toBe(2);
    expect(await readdir(directory)).toContain("1.damaged");
    expect(errors().at(-1)).toMatch(/set aside, begun anew$/);
    await close();
    expect(await open().space("a").get("k1")).toBe(2);
  });

  it("ends its reader, which is not this process, and is set aside after a crash", async () => {
    const kv = open();
    for (let n = 0; n < 2_000; n += 1) await put(kv, `k${n}`, "x".repeat(100));
    await close();
    const file = join(directory, "1", "data.mdb");
    const broken = await readFile(file);
    for (let at = 2 * 4096; at < broken.length; at += 4096) broken.fill(0x55, at + 16, at + 64);
    await writeFile(file, broken);
    // As a process leaves it that died of reading.
    await mkdir(join(directory, "owners"), { recursive: true });
    const dead = { pid: 2 ** 22 + 1, begun: "1", boot: "none", pidNamespace: "none" };
    await writeFile(join(directory, "owners", "dead"), JSON.stringify(dead));
    expect(await put(open(), "k1", 1)).toBe(1);
    expect(await readdir(directory)).toContain("1.damaged");
    expect(await readdir(join(directory, "owners"))).not.toContain("dead");
  });

  it("is set aside by whoever comes across it while it is used, and leases go on", async () => {
    const [kv, other] = [open(), open()];
    await put(kv, "k", 1);
    await kv.lease("g", 3);
    const lease = await other.lease("g", 3);
    const environment = await openEnvironment(join(directory, "1"), { tables: TABLES, mapBytes: 1024 * 1024 });
    environment.transact(() => environment.entries.put(Buffer.from("a\0k"), Buffer.alloc(40, "no record")));
    await environment.close();
    await expect(put(kv, "k", 2)).rejects.toMatchObject({ code: "KEY_VALUE_BROKEN" });
    expect(await put(kv, "k", 2)).toBe(2);
    expect(await readdir(directory)).toContain("1.damaged");
    // The other one uses what was set aside until it looks or comes across it, too.
    await Promise.allSettled([put(other, "k", 3)]);
    expect(await put(other, "k", 3)).toBe(3);
    expect(await kv.space("a").get("k")).toBe(3);
    expect((await kv.lease("g", 3))?.held).toBe(3);
    lease?.release();
    expect((await other.lease("g", 3))?.held).toBe(3);
    expect(await kv.lease("g", 3)).toBeNull();
  });

  it("is held to be one where process after process ends in its use", async () => {
    await put(open(), "k", 1);
    await close();
    for (let crash = 0; crash < 9; crash += 1) {
      await writeFile(join(directory, "owners", `dead${crash}`), JSON.stringify({ pid: 1, begun: "" }));
      const kv = open();
      expect(await kv.space("a").get("k")).toBe(crash < 8 ? 1 : null);
      // It ends without a word: what is closed in order is no crash.
      await writeFile(join(directory, "kept"), await readFile(currentFile()));
      await close();
      await writeFile(currentFile(), await readFile(join(directory, "kept")));
    }
  });

  it("is looked for after a crash, and what is sound is kept", async () => {
    await put(open(), "k", 1);
    await close();
    await writeFile(
      join(directory, "owners", "dead"),
      JSON.stringify({ pid: 1, begun: "", boot: "", pidNamespace: "" }),
    );
    expect(await open().space("a").get("k")).toBe(1);
  });

  it("is left alone where it cannot be opened for another reason", async () => {
    await writeFile(join(directory, "file"), "");
    const kv = open({ directory: join(directory, "file", "kv") });
    await expect(kv.space("a").get("k")).rejects.toMatchObject({ code: "ENOTDIR" });
    await expect(put(kv, "k", 1)).rejects.toMatchObject({ code: "ENOTDIR" });
    await expect(kv.lease("g", 1)).rejects.toMatchObject({ code: "ENOTDIR" });
  });
});

describe("a machine that stopped", () => {
  it("leaves what cannot be trusted: it begins anew", async () => {
    await put(open(), "k", 1);
    await close();
    await loseMachine();
    expect(await open().space("a").get("k")).toBeNull();
    expect(await readdir(directory)).toContain("1.damaged");
  });

  it("costs what was changed since the last snapshot, once", async () => {
    await put(open(), "k", "kept");
    await close();
    const environment = await openEnvironment(join(directory, "1"), { tables: TABLES, mapBytes: 1024 * 1024 });
    await snapshot(environment, join(directory, "snapshot.mdb"));
    await environment.close();
    await put(open(), "later", "lost");
    await close();
    await loseMachine();
    const kv = open();
    expect(await kv.space("a").get("k")).toBe("kept");
    expect(await kv.space("a").get("later")).toBeNull();
    expect((await kv.lease("g", 1))?.held).toBe(1);
    expect(errors().at(-1)).toMatch(/the last snapshot is used$/);
    await close();
    await loseMachine();
    expect(await open().space("a").get("k")).toBeNull();
  });

  it("may have left records of processes that cannot be read", async () => {
    await put(open(), "k", 1);
    await close();
    await writeFile(join(directory, "owners", "torn"), Buffer.alloc(64));
    await writeFile(join(directory, "owners", "strange"), "null");
    const kv = open();
    expect(await kv.space("a").get("k")).toBe(1);
    expect((await kv.lease("g", 1))?.held).toBe(1);
    expect(await readdir(join(directory, "owners"))).toHaveLength(1);
  });

  it("costs nothing where the server had been closed in order", async () => {
    await put(open(), "k", 1);
    await close();
    const current = JSON.parse(await readFile(currentFile(), "utf8"));
    expect(current.isClean).toBe(true);
    await writeFile(currentFile(), JSON.stringify({ ...current, boot: "another boot" }));
    expect(await open().space("a").get("k")).toBe(1);
  });

  it.each(["", "null", "\0\0\0"])("may have left %j in the file that says which environment is used", async (torn) => {
    await put(open(), "k", 1);
    await close();
    await writeFile(currentFile(), torn);
    expect(await put(open(), "k", 2)).toBe(2);
    expect((await readdir(directory)).sort()).toEqual(["1.damaged", "2", "current", "owners"]);
  });
});

describe("an environment that is full", () => {
  it("takes nothing new, changes what is there, and has room again after an expiry", async () => {
    const kv = open({ ceilingBytes: 512 * 1024 });
    await put(kv, "old", 0);
    const filling = async () => {
      for (let n = 0; n < 20_000; n += 1) await put(kv, `k${n}`, "x".repeat(1_000), 60_000);
    };
    await expect(filling()).rejects.toMatchObject({ code: "KEY_VALUE_FULL" });
    expect(await put(kv, "old", 1)).toBe(1);
    expect((await kv.lease("g", 1))?.held).toBe(1);
    const data = await readFile(join(directory, "1", "data.mdb"));
    expect(data.length).toBeLessThan(2 * 512 * 1024);
    clock.advance(60_000);
    for (let n = 0; n < 50; n += 1) await put(kv, "old", n);
    expect(await put(kv, "new", 1)).toBe(1);
    expect(await kv.space("a").get("old")).toBe(49);
  });

  it("does not grow with keys that come and go", async () => {
    const kv = open();
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(Array.from({ length: 500 }, (_, n) => put(kv, `${round}/${n}`, "x".repeat(500), 1_000)));
      clock.advance(1_000);
    }
    expect((await readFile(join(directory, "1", "data.mdb"))).length).toBeLessThan(3 * 1024 * 1024);
  });
});

describe("a KeyValue that nobody asks", () => {
  it("makes no files", async () => {
    const kv = open({ directory: join(directory, "kv") });
    kv.space("a");
    await close();
    expect(await readdir(directory)).toEqual([]);
  });

  it("refuses once it is closed, and closes twice", async () => {
    await mkdir(directory, { recursive: true });
    const kv = open();
    await put(kv, "k", 1);
    await kv.close();
    await kv.close();
    await expect(put(kv, "k", 2)).rejects.toMatchObject({ code: "KEY_VALUE_CLOSED" });
    await expect(kv.space("a").get("k")).rejects.toMatchObject({ code: "KEY_VALUE_CLOSED" });
    await expect(kv.lease("g", 1)).rejects.toMatchObject({ code: "KEY_VALUE_CLOSED" });
  });
});
