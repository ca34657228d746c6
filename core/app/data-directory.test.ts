import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { prepareDataDirectory } from "./data-directory.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "postern-data-"));
});
afterEach(() => rm(directory, { recursive: true }));

it("makes the directory with its parents, and finds it again", async () => {
  const dataDir = join(directory, "a/b/data");
  await prepareDataDirectory(dataDir, null);
  await prepareDataDirectory(dataDir, null);
  expect((await stat(join(dataDir, "spool"))).isDirectory()).toBe(true);
});

it("says so where a file is in the way", async () => {
  await writeFile(join(directory, "file"), "");
  await expect(prepareDataDirectory(join(directory, "file/data"), null)).rejects.toThrow(/cannot be used \(ENOTDIR\)/);
});

it.runIf(process.platform === "linux")("says so at once where the file system takes no directories", async () => {
  await expect(prepareDataDirectory("/proc/postern/data", null)).rejects.toThrow(/cannot be used \(ENOENT\)/);
});

it.runIf(process.getuid?.() === 0)("gives nothing away that a link within the directory leads to", async () => {
  const [dataDir, others] = [join(directory, "data"), join(directory, "others")];
  await mkdir(dataDir);
  await mkdir(others);
  await symlink(others, join(dataDir, "spool"));
  await prepareDataDirectory(dataDir, { uid: 65_534, gid: 65_534 });
  expect(await stat(dataDir)).toMatchObject({ uid: 65_534, gid: 65_534 });
  expect(await stat(others)).toMatchObject({ uid: 0 });
});
