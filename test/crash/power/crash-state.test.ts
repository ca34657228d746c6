/** The model of a disk: what must be there after a power cut, and what may be. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { diskError } from "../../../core/testing/failing-files.ts";
import { type Fate, kept, lost, momentOf, sizeOnly, stateAfter } from "./crash-state.ts";
import { type Image, imageOf } from "./image.ts";
import { recordedFiles } from "./recorded-files.ts";
import { Recording } from "./recording.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-crash-state-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const at = (name: string): string => join(directory, name);

/** Names and contents of what a cut now leaves, with that fate for everything that is open. */
function leftAfter(recording: Recording, fate: Fate): Record<string, string> {
  const moment = momentOf(recording, recording.now);
  return shown(stateAfter(recording, moment, new Map(moment.open.map((index) => [index, fate]))));
}

function shown({ root, directories, files }: Image): Record<string, string> {
  const names = directories.get(root) ?? new Map<string, number>();
  return Object.fromEntries([...names].map(([name, node]) => [name, files.get(node)?.toString("latin1") ?? ""]));
}

function recorded(mishap?: Parameters<typeof recordedFiles>[1]) {
  const recording = new Recording(directory, imageOf(directory));
  return { recording, files: recordedFiles(recording, mishap) };
}

it("what was not flushed may be there or not, names and bytes each by themselves", async () => {
  const { recording, files } = recorded();
  const fd = await files.create(at("a"));
  await files.write(fd, [Buffer.from("text")], 0);
  expect(leftAfter(recording, kept)).toEqual({ a: "text" });
  expect(leftAfter(recording, lost)).toEqual({});
  expect(leftAfter(recording, sizeOnly)).toEqual({ a: "\0\0\0\0" });
  await files.flush(fd);
  expect(leftAfter(recording, lost)).toEqual({});
  await files.flushDirectory(directory);
  expect(leftAfter(recording, lost)).toEqual({ a: "text" });
  await files.close(fd);
});

it("a name may be on disk without its bytes", async () => {
  const { recording, files } = recorded();
  const fd = await files.create(at("a"));
  await files.write(fd, [Buffer.from("text")], 0);
  await files.flushDirectory(directory);
  expect(leftAfter(recording, lost)).toEqual({ a: "" });
  await files.close(fd);
});

it("a write may be torn at sectors of 512 bytes", async () => {
  const { recording, files } = recorded();
  const fd = await files.create(at("a"));
  await files.flushDirectory(directory);
  await files.write(fd, [Buffer.alloc(700, "x"), Buffer.alloc(700, "y")], 100);
  const torn: Fate = { is: "torn", text: "the second", hasSector: (sector) => sector === 1 };
  const { a = "" } = leftAfter(recording, torn);
  expect(a).toBe("\0".repeat(512) + "x".repeat(288) + "y".repeat(224) + "\0".repeat(1500 - 1024));
  await files.close(fd);
});

it("a rename happens wholly or not at all, and a flush of either directory makes it certain", async () => {
  const { recording, files } = recorded();
  await files.makeDirectory(at("other"));
  const fd = await files.create(at("a"));
  await files.close(fd);
  await files.flushDirectory(directory);
  await files.rename(at("a"), join(at("other"), "b"));
  expect(leftAfter(recording, kept)).toEqual({ other: "" });
  expect(leftAfter(recording, lost)).toEqual({ other: "", a: "" });
  await files.flushDirectory(at("other"));
  expect(leftAfter(recording, lost)).toEqual({ other: "" });
});

it("a directory is gone only with all its names", async () => {
  const { recording, files } = recorded();
  await files.makeDirectory(at("other"));
  await files.flushDirectory(directory);
  await files.close(await files.create(join(at("other"), "a")));
  await files.flushDirectory(at("other"));
  await files.rename(join(at("other"), "a"), at("b"));
  await files.removeDirectory(at("other"));
  const moment = momentOf(recording, recording.now);
  const left = (fates: readonly Fate[]) =>
    shown(stateAfter(recording, moment, new Map(moment.open.map((index, place) => [index, fates[place] ?? lost]))));
  expect(left([lost, kept])).toEqual({ other: "" });
  expect(left([kept, lost])).toEqual({ b: "", other: "" });
  expect(left([kept, kept])).toEqual({ b: "" });
});

it("what was written to a file opened with O_DSYNC is there, what is under way may be", async () => {
  const { recording, files } = recorded();
  await files.close(await files.create(at("a")));
  await files.flushDirectory(directory);
  const fd = await files.openWrite(at("a"), "flushing");
  const writing = files.write(fd, [Buffer.from("text")], 0);
  expect([leftAfter(recording, lost), leftAfter(recording, kept)]).toEqual([{ a: "" }, { a: "text" }]);
  await writing;
  expect(leftAfter(recording, lost)).toEqual({ a: "text" });
  await files.close(fd);
});

it("after a flush that failed no later one makes the same bytes certain", async () => {
  let isFailing = true;
  const { recording, files } = recorded((operation) => (operation === "flush" && isFailing ? "fails" : null));
  const fd = await files.create(at("a"));
  await files.flushDirectory(directory);
  await files.write(fd, [Buffer.from("text")], 0);
  await expect(files.flush(fd)).rejects.toEqual(diskError("EIO"));
  isFailing = false;
  await files.write(fd, [Buffer.from("more")], 4);
  await files.flush(fd);
  expect(leftAfter(recording, lost)).toEqual({ a: "\0\0\0\0more" });
  await files.close(fd);
});
