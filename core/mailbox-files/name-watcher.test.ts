/** Names of mailboxes that other programs make, change and remove. */
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { silentLog } from "../testing/kernel.ts";
import { type NamesOfAccount, NameWatcher } from "./name-watcher.ts";

let root = "";
let watcher: NameWatcher;
const at = (...steps: readonly string[]): string => join(root, ...steps);
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "postern-names-"));
  watcher = new NameWatcher({ maxWatches: 10, log: silentLog });
});
afterEach(() => {
  watcher.stop();
  rmSync(root, { recursive: true });
});

function* directoriesFrom(directory: string): Generator<string> {
  yield directory;
  for (const entry of readdirSync(directory, { withFileTypes: true }))
    if (entry.isDirectory()) yield* directoriesFrom(join(directory, entry.name));
}
const names: NamesOfAccount = {
  holders: () => directoriesFrom(root),
  mayName: (entry) => !entry.endsWith(".lock"),
};

function listening(names: NamesOfAccount) {
  const seen: string[][] = [];
  let tell = () => {};
  const stop = watcher.add(names, () => {
    seen.push([...directoriesFrom(root)].flatMap((directory) => readdirSync(directory)));
    tell();
  });
  return {
    seen,
    stop,
    /** Told of what `change` does. */
    async told(change: () => void): Promise<readonly string[]> {
      const next = new Promise<void>((resolve) => {
        tell = resolve;
      });
      change();
      await next;
      return seen.at(-1)?.sort() ?? [];
    },
  };
}

it("tells of each, also in directories that were made meanwhile, and once of what comes together", async () => {
  const { told, seen } = listening(names);
  const made = () => {
    for (const name of ["a", "b", "c"]) writeFileSync(at(name), "");
  };
  expect(await told(made)).toEqual(["a", "b", "c"]);
  expect(seen).toHaveLength(1);
  expect(await told(() => mkdirSync(at("d", "e"), { recursive: true }))).toEqual(["a", "b", "c", "d", "e"]);
  expect(await told(() => writeFileSync(at("d", "e", "f"), ""))).toContain("f");
  expect(await told(() => renameSync(at("d", "e", "f"), at("d", "e", "g")))).toContain("g");
  await told(() => rmSync(at("d"), { recursive: true }));
  expect(await told(() => mkdirSync(at("d")))).toEqual(["a", "b", "c", "d"]);
});

it("passes over what is no name, and what is only written to", async () => {
  writeFileSync(at("a"), "");
  const { told, seen } = listening(names);
  writeFileSync(at("a.lock"), "");
  rmSync(at("a.lock"));
  appendFileSync(at("a"), "x");
  await told(() => writeFileSync(at("b"), ""));
  expect(seen).toEqual([["a", "b"]]);
});

it("tells all who listen, and nobody who has stopped", async () => {
  const [one, other] = [listening(names), listening(names)];
  await Promise.all([one.told(() => {}), other.told(() => writeFileSync(at("a"), ""))]);
  one.stop();
  await other.told(() => writeFileSync(at("b"), ""));
  expect([one.seen.length, other.seen.length]).toEqual([1, 2]);
});

it("does without what cannot be watched or read", async () => {
  const broken = listening({
    holders: () => {
      throw new Error("EACCES");
    },
    mayName: () => true,
  });
  const { told } = listening({ ...names, holders: () => [at("nowhere"), root] });
  expect(await told(() => writeFileSync(at("a"), ""))).toEqual(["a"]);
  expect(broken.seen).toEqual([]);
});

it("watches no more than it may", async () => {
  watcher = new NameWatcher({ maxWatches: 1, log: silentLog });
  mkdirSync(at("d"));
  const { told, seen } = listening(names);
  writeFileSync(at("d", "a"), "");
  await told(() => writeFileSync(at("b"), ""));
  expect(seen).toHaveLength(1);
});
