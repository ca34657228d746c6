import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Log } from "../contracts/log.ts";
import { definePlugin } from "../kernel/define.ts";
import { proceed, reject } from "../kernel/verdicts.ts";
import { parseAddress } from "../mail/address.ts";
import { kernelWith } from "../testing/kernel.ts";
import { envelopeOf } from "../testing/mail.ts";
import { atOnce } from "./slices.ts";
import { createTables } from "./tables.ts";
import { parseTextTable as parseSlices } from "./text-table.ts";

const parseTextTable = (text: string) => atOnce(parseSlices(text));

let directory: string;
let lines: string[];
let nowMs: number;
const log: Log = {
  debug: () => {},
  info: (_, text) => void lines.push(`info ${text}`),
  warn: (_, text) => void lines.push(`warn ${text}`),
  error: (_, text) => void lines.push(`error ${text}`),
  child: () => log,
};
const tables = () => createTables({ configDir: directory, log, clock: { now: () => nowMs } });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "postern-tables-"));
  lines = [];
  nowMs = 1_000_000;
});
afterEach(() => rm(directory, { recursive: true }));

it("reads keys, continuation lines, comments and quoted keys", () => {
  const { entries, mistakes } = parseTextTable(
    '# a comment\n\nUser@Example.org  one@example.org,\n  two@example.org\n  # not an end\n  three@example.org\n"john smith"@example.org john@example.org\r\n@example.net catch@example.org',
  );
  expect([...entries]).toEqual([
    ["user@example.org", "one@example.org,  two@example.org  three@example.org"],
    ['"john smith"@example.org', "john@example.org"],
    ["@example.net", "catch@example.org"],
  ]);
  expect(mistakes).toEqual([]);
});

it("reports bad lines with their number and keeps the others", () => {
  const { entries, mistakes } = parseTextTable("  dangling\nonlykey\na 1\na 2\nb 3");
  expect([...entries]).toEqual([
    ["a", "1"],
    ["b", "3"],
  ]);
  expect(mistakes.map(({ line }) => line)).toEqual([1, 2, 4]);
});

describe("hash:", () => {
  it("takes a new file once it has rested, as a whole, and keeps the old content when the file goes away", async () => {
    const path = join(directory, "virtual");
    await writeFile(path, "a 1\nbroken\n");
    const table = await tables().open("hash:virtual");
    expect(lines).toEqual([expect.stringMatching(/virtual:2: /)]);
    expect(table.mistakes).toEqual([{ line: 2, text: expect.stringContaining("left out") }]);
    expect(await table.get("A")).toBe("1");
    await writeFile(`${path}.new`, "a 2\n");
    await rename(`${path}.new`, path);
    expect(await table.get("a")).toBe("1");
    nowMs += 1_000;
    expect(await Promise.all([table.get("a"), table.get("a")])).toEqual(["1", "1"]);
    nowMs += 1_000;
    expect(await Promise.all([table.get("a"), table.get("a")])).toEqual(["2", "2"]);
    expect(table.mistakes).toEqual([]);
    await rm(path);
    nowMs += 1_000;
    expect(await table.get("a")).toBe("2");
    expect(lines.at(-1)).toMatch(/^error .*former content/);
    const told = lines.length;
    nowMs += 1_000;
    expect(await table.get("a")).toBe("2");
    expect(lines).toHaveLength(told);
    await writeFile(path, "a 3\n");
    nowMs += 1_000;
    await table.get("a");
    nowMs += 1_000;
    expect(await table.get("a")).toBe("3");
  });

  it("never sees a file that is being written in place as empty, or half", async () => {
    const path = join(directory, "virtual");
    await writeFile(path, "a 1\nb 1\n");
    const table = await tables().open("hash:virtual");
    const seen: unknown[] = [];
    for (const content of ["", "a 2\n", "a 2\nb 2\n"]) {
      await writeFile(path, content);
      nowMs += 1_000;
      seen.push([await table.get("a"), await table.get("b")]);
    }
    expect(seen).toEqual([
      ["1", "1"],
      ["1", "1"],
      ["1", "1"],
    ]);
    nowMs += 1_000;
    expect([await table.get("a"), await table.get("b")]).toEqual(["2", "2"]);
  });

  it("takes at the first look what has rested long before", async () => {
    const path = join(directory, "virtual");
    await writeFile(path, "a 1\n");
    nowMs = Date.now();
    const table = await tables().open("hash:virtual");
    await writeFile(path, "a 2\n");
    nowMs = Date.now() + 3_600_000;
    expect(await table.get("a")).toBe("2");
  });

  it("answers from the old content while a large file is read anew, and keeps nobody else waiting", async () => {
    const path = join(directory, "large");
    const rows = (value: number) =>
      Array.from({ length: 60_000 }, (_, n) => `user${n}@example.org ${value}\n`).join("");
    await writeFile(path, rows(1));
    const table = await tables().open("hash:large");
    await writeFile(path, rows(2));
    nowMs += 1_000;
    expect(await table.get("user59999@example.org")).toBe("1");
    nowMs += 1_000;
    const seen = new Set<unknown>();
    let turns = 0;
    while (!lines.includes("info table reloaded")) {
      seen.add(await table.get("user0@example.org")).add(await table.get("user59999@example.org"));
      await new Promise(setImmediate);
      turns += 1;
    }
    expect([...seen]).toEqual(["1"]);
    expect(turns).toBeGreaterThan(2);
    expect(await table.get("user59999@example.org")).toBe("2");
    expect(table.mistakes).toEqual([]);
  });

  it("does not fill the log with the mistakes of a file that is something else", async () => {
    await writeFile(join(directory, "wrong"), "nonsense\n".repeat(5_000));
    const table = await tables().open("hash:wrong");
    expect(table.mistakes).toHaveLength(5_000);
    expect(lines.length).toBeLessThan(150);
    expect(lines.at(-1)).toMatch(/more mistakes/);
  });

  it("says which file is missing, and opens it when it is there", async () => {
    const service = tables();
    await expect(service.open("hash:nowhere")).rejects.toThrow(/^hash:nowhere: .*nowhere does not exist$/);
    await writeFile(join(directory, "nowhere"), "a 1\n");
    expect(await (await service.open("hash:nowhere")).get("a")).toBe("1");
  });

  it("opens one file once, and tells all mistakes of what is open", async () => {
    await writeFile(join(directory, "one"), "a 1\na 2\n");
    await writeFile(join(directory, "two.pcre"), "/(/ x\n/a/ y\n");
    const service = tables();
    const [first, second] = await service.openAll(["hash:one", "hash:one", "pcre:two.pcre"]);
    expect(first).toBe(second);
    await service.open("proxy:hash:one");
    expect((await service.mistakes()).map(({ spec, line }) => [spec, line])).toEqual([
      ["hash:one", 2],
      ["pcre:two.pcre", 1],
    ]);
  });
});

it.each(["btree", "lmdb", "cdb"])("says what to write for %s:", async (scheme) => {
  await expect(tables().open(`${scheme}:/etc/postfix/virtual`)).rejects.toThrow(
    "write hash:/etc/postfix/virtual for the text file",
  );
});

describe("tables of plugins", () => {
  const registered = async (get: (key: string) => Promise<string | null>) => {
    const service = tables();
    service.register("sql", async () => ({ get }));
    return { service, opened: await service.openAll(["inline:{ c=core }", "sql:anything"]) };
  };
  const address = (text: string) => {
    const parsed = parseAddress(text);
    if (!parsed) throw new TypeError(text);
    return parsed;
  };

  it("are asked in turn with core's, in the order of keys, and in lower case", async () => {
    const asked: string[] = [];
    const { service, opened } = await registered(async (key) => {
      asked.push(key);
      return key === "@example.net" ? "all@example.org" : null;
    });
    const hit = await service.findAddress(opened, address("Ann+x@example.net"), "virtual");
    expect(hit).toEqual({ key: "@example.net", value: "all@example.org", extension: "" });
    expect(asked).toEqual(["ann+x@example.net", "ann@example.net", "@example.net"]);
  });

  it("that fail have no answer: nothing is guessed from what another table lacks", async () => {
    const { service, opened } = await registered(() => Promise.reject(new Error("connection refused")));
    await expect(service.findAddress(opened, address("ann@example.net"), "access")).rejects.toThrow("refused");
    await expect(service.findDomain(opened, "a.example")).rejects.toThrow("refused");
    await expect(service.findNetwork(opened, "192.0.2.1")).rejects.toThrow("refused");
    expect(await service.findDomain(opened, "c")).toEqual({ key: "c", value: "core", extension: "" });
  });

  it("that fail, or never answer, put the mail off", async () => {
    for (const get of [() => Promise.reject(new Error("gone")), () => new Promise<string>(() => {})]) {
      const { service, opened } = await registered(get);
      const plugin = definePlugin({
        name: "policy-looking",
        api: 1,
        setup: () => ({
          hooks: {
            async mailFrom(_, reversePath) {
              return (await service.findAddress(opened, reversePath, "access")) ? proceed : reject("unknown");
            },
          },
        }),
      });
      const kernel = await kernelWith({ log }, [plugin, {}, { timeoutMs: 20 }]);
      const { verdict } = await kernel.policy("mailFrom", envelopeOf(), address("ann@example.net"));
      expect(verdict.verdict).toBe("defer");
    }
  });
});

it("asks patterns and networks once, for the whole, as it is written", async () => {
  const service = tables();
  const opened = await service.openAll(["regexp:{ { /^([A-Z]nn)@/i hello $1 } }", "cidr:{ { 192.0.2.0/24 net } }"]);
  expect(await service.findAddress(opened, parseAddress("Ann@example.net"), "access")).toEqual({
    key: "Ann@example.net",
    value: "hello Ann",
    extension: "",
  });
  expect(await service.findNetwork(opened, "192.0.2.77")).toMatchObject({ value: "net" });
  expect(await service.findNetwork(opened, "192.0.3.77")).toBeNull();
});

it("makes tables of tables", async () => {
  const service = tables();
  const union = await service.open("union:{ inline:{ k=x }, static:{y z}, inline:{ other=1 } }");
  expect([union.kind, await union.get("k"), await union.get("q")]).toEqual(["exact", "x,y z", "y z"]);
  const pipe = await service.open("pipemap:{ inline:{ k=x } pcre:{ { /^(x)$/ <$1> } } }");
  expect([pipe.kind, await pipe.get("k"), await pipe.get("q")]).toEqual(["pattern", "<x>", null]);
  await expect(service.open("unionmap:{}")).rejects.toThrow(/in braces/);
  await expect(service.open("unionmap:{ hash:{ }")).rejects.toThrow();
  service.register("late", async () => ({ get: async (key) => (key === "k" ? "l" : null) }));
  expect(await (await service.open("unionmap:{late:1,static:s}")).get("k")).toBe("l,s");
  expect(await (await service.open("pipemap:{late:1,late:2}")).get("k")).toBeNull();
  const failing = await service.open("unionmap:{static:s,fail:now}");
  expect(() => failing.get("k")).toThrow(/never answers/);
});

it("opens inline: tables, whole items in braces", async () => {
  const table = await tables().open("inline:{ A = 1, { b = x, y } }");
  expect([await table.get("a"), await table.get("b"), await table.get("c")]).toEqual(["1", "x, y", null]);
  await expect(tables().open("inline:a=b")).rejects.toThrow(/braces/);
});

it("names the schemes that there are, and refuses a second provider", async () => {
  await expect(tables().open("hsah:x")).rejects.toThrow(/hash, texthash, aliases, inline/);
  await expect(tables().open("virtual")).rejects.toThrow(/scheme:source/);
  const registry = tables();
  registry.register("sql", async () => ({ get: () => "row" }));
  expect(await (await registry.open("sql:x")).get("k")).toBe("row");
  expect(() => registry.register("hash", async () => ({ get: () => null }))).toThrow(/twice/);
});
