import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { commandHere, FileSystemSync, shellCommand } from "./file-system-sync.ts";
import { Flush, type SyncFileSystem } from "./flush.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-flush-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** `count` files that have been written, each handed to the flush; what became of each. */
async function flushMany(flush: Flush, count: number): Promise<readonly string[]> {
  const fds = Array.from({ length: count }, (_, index) => openSync(join(directory, String(index)), "w"));
  for (const fd of fds) writeSync(fd, "x");
  const settled = await Promise.allSettled(fds.map((fd) => flush.file(fd, directory)));
  for (const fd of fds) closeSync(fd);
  return settled.map(({ status }) => status);
}

describe("flushing", () => {
  it("takes few by themselves and many at once", async () => {
    const synced: string[] = [];
    const flush = new Flush(async (path) => void synced.push(path));
    await flushMany(flush, 2);
    expect(synced).toEqual([]);
    expect(new Set(await flushMany(flush, 50))).toEqual(new Set(["fulfilled"]));
    expect(synced).toEqual([directory]);
  });

  it("what comes while one runs goes into the next, and not before", async () => {
    const order: string[] = [];
    let end: () => void = () => {};
    const flush = new Flush(() => {
      order.push("sync begins");
      return new Promise((resolve) => {
        end = resolve;
      });
    });
    const first = flushMany(flush, 20).then(() => order.push("first told"));
    await expect.poll(() => order).toEqual(["sync begins"]);
    const second = flushMany(flush, 20).then(() => order.push("second told"));
    end();
    await first;
    await expect.poll(() => order.length).toBe(3);
    end();
    await second;
    expect(order).toEqual(["sync begins", "first told", "sync begins", "second told"]);
  });

  it.each<[string, SyncFileSystem]>([
    ["fails", () => Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" }))],
    [
      "breaks",
      () => {
        throw new Error("broken");
      },
    ],
  ])("tells all who shared one that %s, and goes on", async (_, sync) => {
    let isWell = false;
    const flush = new Flush((path) => (isWell ? Promise.resolve() : sync(path)));
    const told = await flushMany(flush, 20);
    expect(told.filter((status) => status === "rejected").length).toBe(20);
    isWell = true;
    expect(new Set(await flushMany(flush, 20))).toEqual(new Set(["fulfilled"]));
  });

  it("goes one by one where the file system cannot be flushed as a whole", async () => {
    expect(new Set(await flushMany(new Flush(() => null), 20))).toEqual(new Set(["fulfilled"]));
  });

  it("rejects for a file that is none any more, and for no other", async () => {
    const flush = new Flush();
    const bad = flush.file(1_000_000, directory);
    const good = flush.directory(directory);
    await expect(bad).rejects.toMatchObject({ code: "EBADF" });
    await good;
  });
});

describe.each([
  ["by the command that is found here", commandHere()],
  ["by a shell", shellCommand],
  // As where the call is forbidden: no system call has this number.
  [
    "by a shell in Perl's place",
    [commandHere()[0], commandHere()[1].map((word) => (/^\d+$/.test(word) ? "99999" : word))],
  ],
] as const)("the flush of a file system %s", (_, command) => {
  it("is made by a program that ends with its store", async () => {
    const sync = new FileSystemSync(command);
    mkdirSync(join(directory, "a b 'c' $HOME"));
    await sync.sync(join(directory, "a b 'c' $HOME"));
    await Promise.all(Array.from({ length: 5 }, () => sync.sync(directory)));
    const shells = () =>
      readFileSync(`/proc/self/task/${process.pid}/children`, "utf8")
        .split(" ")
        .filter((pid) => pid !== "" && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("sync -f"));
    // Those of other tests may still be on their way out.
    await expect.poll(() => shells().length).toBe(1);
    sync.close();
    await expect.poll(shells).toEqual([]);
  });

  it("rejects where there is no such place, and goes on", async () => {
    const sync = new FileSystemSync(command);
    await expect(sync.sync(join(directory, "nowhere"))).rejects.toMatchObject({ code: "EIO" });
    await sync.sync(directory);
    sync.close();
  });

  it("cannot be had for a name with a line end in it", () => {
    expect(new FileSystemSync(command).sync(`${directory}/a\nb`)).toBeNull();
  });
});
