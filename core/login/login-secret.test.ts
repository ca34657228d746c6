import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openLoginSecret } from "./login-secret.ts";

async function dataDir() {
  const directory = await mkdtemp(join(tmpdir(), "postern-secret-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

describe("the login secret", () => {
  it("is made once, for the server's user only, and stays", async () => {
    const directory = await dataDir();
    const secret = await openLoginSecret(directory);
    expect(secret).toHaveLength(32);
    expect((await stat(join(directory, "login-secret"))).mode & 0o777).toBe(0o600);
    expect(await openLoginSecret(directory)).toEqual(secret);
    expect(await openLoginSecret(await dataDir())).not.toEqual(secret);
  });

  it("is one for all workers that begin at once, and nothing is left behind", async () => {
    const directory = await dataDir();
    const secrets = await Promise.all(Array.from({ length: 16 }, () => openLoginSecret(directory)));
    expect(new Set(secrets.map((secret) => Buffer.from(secret).toString("hex"))).size).toBe(1);
    expect(await readdir(directory)).toEqual(["login-secret"]);
  });

  it("is never used, nor replaced, when it is damaged: that is for the administrator to decide", async () => {
    const directory = await dataDir();
    await writeFile(join(directory, "login-secret"), "short");
    await expect(openLoginSecret(directory)).rejects.toThrow(/login-secret is damaged: remove it/);
    expect(await readFile(join(directory, "login-secret"), "utf8")).toBe("short");
  });

  it("cannot be made where the directory is not there", async () => {
    await expect(openLoginSecret(join(await dataDir(), "missing"))).rejects.toThrow("ENOENT");
  });
});
