import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Log } from "../contracts/log.ts";
import { createTables } from "./tables.ts";
import { parseTextTable } from "./text-table.ts";

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
    ["user@example.org", "one@example.org, two@example.org three@example.org"],
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
  it("takes a new file as a whole, and keeps the old content when the file goes away", async () => {
    const path = join(directory, "virtual");
    await writeFile(path, "a 1\nbroken\n");
    const table = await tables().open("hash:virtual");
    expect(lines).toEqual([expect.stringMatching(/virtual:2: /)]);
    expect(await table.get("a")).toBe("1");
    await writeFile(`${path}.new`, "a 2\n");
    await rename(`${path}.new`, path);
    expect(await table.get("a")).toBe("1");
    nowMs += 1_000;
    expect(await Promise.all([table.get("a"), table.get("a")])).toEqual(["2", "2"]);
    await rm(path);
    nowMs += 1_000;
    expect(await table.get("a")).toBe("2");
    expect(lines.at(-1)).toMatch(/^error .*former content/);
  });

  it("says which file is missing", async () => {
    await expect(tables().open("hash:nowhere")).rejects.toThrow(/nowhere/);
  });
});

it("opens inline: tables, whole items in braces", async () => {
  const table = await tables().open("inline:{ A = 1, { b = x, y } }");
  expect([await table.get("a"), await table.get("b"), await table.get("c")]).toEqual(["1", "x, y", null]);
  await expect(tables().open("inline:a=b")).rejects.toThrow(/braces/);
});

it("names the schemes that there are, and refuses a second provider", async () => {
  await expect(tables().open("hsah:x")).rejects.toThrow(/hash, texthash, inline/);
  await expect(tables().open("virtual")).rejects.toThrow(/scheme:source/);
  const registry = tables();
  registry.register("sql", async () => ({ get: () => "row" }));
  expect(await (await registry.open("sql:x")).get("k")).toBe("row");
  expect(() => registry.register("hash", async () => ({ get: () => null }))).toThrow(/twice/);
});
