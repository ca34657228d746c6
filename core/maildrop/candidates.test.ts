import { chown, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { manualClock } from "../testing/manual-clock.ts";
import { findCandidates, type Search } from "./candidates.ts";
import { Waiting } from "./waiting.ts";

const isRoot = process.getuid?.() === 0;

async function directory(...files: readonly (readonly [name: string, uid: number])[]): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "postern-candidates-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  for (const [name, uid] of files) {
    await writeFile(join(path, name), "");
    if (isRoot) await chown(join(path, name), uid, 0);
  }
  return path;
}

const search = (more: Partial<Search> = {}): Search => ({
  ...{ limit: 100, isPutOff: () => false, isIgnored: () => false, abandonedBefore: null },
  ...more,
});

const many = (count: number, uid: number) => Array.from({ length: count }, (_, n) => [`${uid}.${n}`, uid] as const);

it.runIf(isRoot)("users take turns, however many files one of them has left", async () => {
  const path = await directory(...many(50, 1001), ...many(3, 1002), ...many(1, 1003));
  const { found, isCut } = await findCandidates(path, search());
  expect(isCut).toBe(false);
  expect(found).toHaveLength(54);
  expect(
    found
      .slice(0, 3)
      .map(({ uid }) => uid)
      .sort(),
  ).toEqual([1001, 1002, 1003]);
  expect(
    found
      .slice(3, 7)
      .map(({ uid }) => uid)
      .sort(),
  ).toEqual([1001, 1001, 1002, 1002]);
});

it.runIf(isRoot)("who leaves little is remembered where not all can be", async () => {
  const path = await directory(...many(50, 1001), ...many(3, 1002), ...many(1, 1003));
  const { found, isCut } = await findCandidates(path, search({ limit: 8 }));
  expect(isCut).toBe(true);
  expect(found.map(({ uid }) => uid).sort()).toEqual([1001, 1001, 1001, 1001, 1002, 1002, 1002, 1003]);
});

it.runIf(isRoot)("who has too much waiting is left out", async () => {
  const path = await directory(...many(5, 1001), ...many(1, 1002));
  const { found } = await findCandidates(path, search({ isPutOff: (uid) => uid === 1001 }));
  expect(found.map(({ uid }) => uid)).toEqual([1002]);
});

it("what is being written is left alone, until nobody can be writing it any more", async () => {
  const path = await directory([".begun", 0], ["whole", 0]);
  await mkdir(join(path, ".directory"));
  const names = async (abandonedBefore: number | null) => {
    const { found } = await findCandidates(path, search({ abandonedBefore }));
    expect(found.map(({ name }) => name)).toEqual(["whole"]);
    return (await readdir(path)).sort();
  };
  expect(await names(null)).toEqual([".begun", ".directory", "whole"]);
  expect(await names(Date.now() - 60_000)).toEqual([".begun", ".directory", "whole"]);
  expect(await names(Date.now() + 60_000)).toEqual([".directory", "whole"]);
});

it("directories are counted, and keep nobody busy", async () => {
  const path = await directory(["whole", 0]);
  for (let n = 0; n < 20; n += 1) await mkdir(join(path, `d${n}`));
  expect(await findCandidates(path, search({ limit: 5 }))).toMatchObject({
    found: [{ name: "whole" }],
    isCut: false,
    directories: 20,
  });
});

it("what cannot be moved away is passed over", async () => {
  const path = await directory(["a", 0], ["b", 0]);
  const { found } = await findCandidates(path, search({ isIgnored: (name) => name === "a" }));
  expect(found.map(({ name }) => name)).toEqual(["b"]);
});

it("a user has a hundred messages waiting at most, and pauses grow", () => {
  const clock = manualClock();
  const waiting = new Waiting(clock);
  const file = (name: string, uid: number) => ({ name, uid, isTold: false, isQueued: false });
  for (let n = 0; n < 100; n += 1) waiting.putOff(file(`${n}`, 1001));
  expect(waiting.isFull(1001)).toBe(true);
  expect(waiting.isFull(1002)).toBe(false);
  expect(waiting.nextInMs()).toBe(10_000);
  clock.advance(10_000);
  expect(waiting.takeDue()).toHaveLength(100);
  expect(waiting.isFull(1001)).toBe(false);
  expect(waiting.nextInMs()).toBe(Number.POSITIVE_INFINITY);
  waiting.putOff(file("0+id", 1001));
  expect(waiting.nextInMs()).toBe(20_000);
  clock.advance(20_000);
  expect(waiting.takeDue()).toEqual([file("0+id", 1001)]);
  // It did not come back: a file of the same name begins anew.
  expect(waiting.takeDue()).toEqual([]);
  waiting.putOff(file("0", 1001));
  expect(waiting.nextInMs()).toBe(10_000);
});
