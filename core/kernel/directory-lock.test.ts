import { spawn } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { lockDirectory } from "./directory-lock.ts";

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "postern-lock-"));
});
afterEach(() => rm(dir, { recursive: true }));

const inUse = { code: "DIRECTORY_IN_USE" };

it("gives a directory to one holder at a time, by whatever name", async () => {
  const lock = await lockDirectory(dir);
  await expect(lockDirectory(dir)).rejects.toMatchObject(inUse);
  const other = `${dir}-link`;
  await symlink(dir, other);
  await expect(lockDirectory(other)).rejects.toMatchObject(inUse);
  await rm(other);
  await lock.release();
  await lock.release();
  const again = await lockDirectory(dir);
  await again.release();
});

it("holds another process off, and is free the moment that one is killed", async () => {
  const script = `import { lockDirectory } from ${JSON.stringify(new URL("./directory-lock.ts", import.meta.url).href)};
    await lockDirectory(process.argv[1]); console.log("locked"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script, dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  await expect(lockDirectory(dir)).rejects.toMatchObject(inUse);
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGKILL");
  await ended;
  const lock = await lockDirectory(dir);
  await lock.release();
});

it("says so when there is no such directory", async () => {
  await expect(lockDirectory(join(dir, "none"))).rejects.toMatchObject({ code: "ENOENT" });
});
