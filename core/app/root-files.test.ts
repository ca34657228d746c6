import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { FromWorker } from "./messages.ts";
import { answerFile, RootFiles } from "./root-files.ts";

async function file(content: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "postern-root-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, "key.pem");
  await writeFile(path, content);
  return path;
}

const asking = (what: "stamp" | "read", path: string) => ({ is: "file", ask: 7, what, path }) as const;

describe("the primary", () => {
  it("reads files that the config names", async () => {
    const path = await file("secret");
    const answer = await answerFile(asking("read", path), new Set([path]));
    expect(Buffer.from(answer.content ?? []).toString()).toBe("secret");
    expect((await answerFile(asking("stamp", path), new Set([path]))).stamp).toMatch(/^\d+\.6\./);
  });

  it("reads no other file for anybody", async () => {
    const path = await file("secret");
    const refused = { is: "file", ask: 7, stamp: "EACCES", content: null };
    expect(await answerFile(asking("read", path), new Set([`${path}x`]))).toEqual(refused);
    expect(await answerFile(asking("stamp", path), new Set())).toEqual(refused);
  });

  it("says when it cannot read either, and takes nothing that is no certificate by its size", async () => {
    const path = await file("x".repeat(1024 * 1024 + 1));
    expect(await answerFile(asking("read", path), new Set([path]))).toMatchObject({ content: null });
    const gone = `${path}.gone`;
    expect(await answerFile(asking("read", gone), new Set([gone]))).toMatchObject({ stamp: "ENOENT", content: null });
  });
});

describe("a worker", () => {
  it("reads what it may without asking", async () => {
    const path = await file("open");
    const files = new RootFiles(() => {
      throw new Error("nobody is to be asked");
    });
    expect(String(await files.read(path))).toBe("open");
    expect(await files.stamp(`${path}.gone`)).toBe("ENOENT");
    await expect(files.read(`${path}.gone`)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it.skipIf(process.getuid?.() === 0)("asks for what it may not read", async () => {
    const path = await file("secret");
    const { chmod } = await import("node:fs/promises");
    await chmod(path, 0);
    const asked: FromWorker[] = [];
    const files = new RootFiles((message) => {
      asked.push(message);
      files.receive({ is: "file", ask: message.ask, stamp: "", content: Buffer.from("from root") });
    });
    expect(String(await files.read(path))).toBe("from root");
    expect(asked).toMatchObject([{ what: "read", path }]);
  });
});
