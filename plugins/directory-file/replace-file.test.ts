import { chmod, chown, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { replaceFile } from "./replace-file.ts";

async function workplace(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "postern-replace-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

it.runIf(process.getuid?.() === 0)("gives what root makes anew to whoever owns the mail", async () => {
  const dataDir = await workplace();
  await chown(dataDir, 4711, 4712);
  const path = join(await workplace(), "people/here/accounts.yaml");
  await replaceFile(path, "one", dataDir);
  expect(await stat(path)).toMatchObject({ uid: 4711, gid: 4712, mode: 0o100600 });
  expect(await stat(dirname(path))).toMatchObject({ uid: 4711, gid: 4712 });
  expect(await stat(dirname(dirname(path)))).toMatchObject({ uid: 4711, gid: 4712 });
  expect(await stat(dirname(dirname(dirname(path))))).toMatchObject({ uid: 0, gid: 0 });
});

it.runIf(process.getuid?.() === 0)("leaves a file to whom it was given", async () => {
  const dataDir = await workplace();
  await chown(dataDir, 4711, 4712);
  const path = join(await workplace(), "accounts.yaml");
  await replaceFile(path, "one", dataDir);
  await chown(path, 0, 4712);
  await chmod(path, 0o640);
  await replaceFile(path, "two", dataDir);
  expect(await stat(path)).toMatchObject({ uid: 0, gid: 4712, mode: 0o100640 });
  expect(await readFile(path, "utf8")).toBe("two");
});

it("needs no directory to take after", async () => {
  const directory = await workplace();
  const path = join(directory, "accounts.yaml");
  await replaceFile(path, "one", join(directory, "missing"));
  expect(await readFile(path, "utf8")).toBe("one");
});
