import { execFileSync } from "node:child_process";
import { readdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { SpoolFull } from "../contracts/spool.ts";
import { diskError, failingFiles, type Saboteur } from "../testing/failing-files.ts";
import {
  acceptOne,
  contentOf,
  delivered,
  envelopeOf,
  freshDirectory,
  messageOf,
  onCleanUp,
  openIn,
  recoveredIds,
  rememberingLog,
  snapshotOf,
  textFor,
} from "../testing/spool-fixture.ts";

/** A disk whose saboteur can be changed while the spool is open. */
function switchable() {
  const hand: { sabotage: Saboteur } = { sabotage: () => undefined };
  return { hand, files: failingFiles((operation, path) => hand.sabotage(operation, path)) };
}

const isSegment = (path: string): boolean => path.endsWith(".journal");

/** Fails the next write to a segment, then no other. */
function once(code: string, when: "before" | "after"): Saboteur {
  let isDone = false;
  return (operation, path) => {
    if (isDone || operation !== "write" || !isSegment(path)) return undefined;
    isDone = true;
    if (when === "before") throw diskError(code);
    return "after";
  };
}

describe("group commit", () => {
  it("lets messages that come together share one flush", async () => {
    let writes = 0;
    const files = failingFiles((operation, path) => {
      if (operation === "write" && isSegment(path)) writes += 1;
      return undefined;
    });
    const spool = await openIn(await freshDirectory(), { files });
    await Promise.all(["m1", "m2", "m3"].map((id) => acceptOne(spool, id)));
    expect(writes).toBe(1);
  });

  it("lets a message that comes while a flush runs go into the next one, not behind a timer", async () => {
    const running: string[][] = [];
    let begun = () => {};
    const files = failingFiles((operation, path) => {
      if (operation === "write" && isSegment(path)) {
        running.push([]);
        begun();
      }
      return undefined;
    });
    const spool = await openIn(await freshDirectory(), { files });
    const started = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const first = acceptOne(spool, "m1");
    await started;
    await Promise.all([first, acceptOne(spool, "m2"), acceptOne(spool, "m3")]);
    expect(running).toHaveLength(2);
  });
});

describe("a failed flush", () => {
  it.each(["before", "after"] as const)(
    "rejects its messages, even if they reached the disk (fails %s)",
    async (when) => {
      const dir = await freshDirectory();
      const { hand, files } = switchable();
      const spool = await openIn(dir, { files });
      await acceptOne(spool, "kept");
      hand.sabotage = once("EIO", when);
      const results = await Promise.allSettled([acceptOne(spool, "lost1"), acceptOne(spool, "lost2")]);
      expect(results.map((result) => result.status)).toEqual(["rejected", "rejected"]);
      expect(await spool.read("lost1")).toBeNull();

      await acceptOne(spool, "after");
      expect(await spool.read("kept").then((entry) => entry && contentOf(entry.message))).toBe(textFor("kept"));
      const crashed = await openIn(await snapshotOf(dir));
      expect((await recoveredIds(crashed)).sort()).toEqual(["after", "kept"]);
      await spool.close();
      expect((await recoveredIds(await openIn(dir))).sort()).toEqual(["after", "kept"]);
    },
  );

  it("is never followed by another write to the same file", async () => {
    const written: string[] = [];
    const { hand, files } = switchable();
    const spool = await openIn(await freshDirectory(), { files });
    const fail = once("EIO", "before");
    hand.sabotage = (operation, path) => {
      if (operation === "write" && isSegment(path)) written.push(path);
      return fail(operation, path);
    };
    await expect(acceptOne(spool, "m1")).rejects.toMatchObject({ code: "EIO" });
    for (let index = 2; index < 40; index += 1) await acceptOne(spool, `m${index}`, 8000);
    const [failed, ...others] = written;
    expect(others).not.toContain(failed);
    expect(new Set(others).size).toBeGreaterThan(1);
  });

  it("declares its messages void also when the next segment cannot be made at once", async () => {
    const dir = await freshDirectory();
    const { hand, files } = switchable();
    let nowMs = 1_000_000;
    let segments = 0;
    // From the start, so that no next one is made ready either.
    const onlyOne: Saboteur = (operation, path) => {
      if (operation === "rename" && isSegment(path) && segments++ > 0) throw diskError("EIO");
      return undefined;
    };
    hand.sabotage = onlyOne;
    const spool = await openIn(dir, { files, limits: { maxSegments: 4 }, now: () => nowMs });
    await acceptOne(spool, "kept");
    const fail = once("EIO", "after");
    hand.sabotage = (operation, path) => onlyOne(operation, path) ?? fail(operation, path);
    await expect(acceptOne(spool, "void")).rejects.toMatchObject({ code: "EIO" });
    await expect(acceptOne(spool, "refused")).rejects.toMatchObject({ code: "EIO" });
    hand.sabotage = () => undefined;
    nowMs += 60_000;
    await acceptOne(spool, "after");
    expect((await recoveredIds(await openIn(await snapshotOf(dir)))).sort()).toEqual(["after", "kept"]);
  });

  it("declares a message with a huge envelope void whose file could not be written, whatever becomes of the file's name", async () => {
    const dir = await freshDirectory();
    const { hand, files } = switchable();
    const spool = await openIn(dir, { files });
    const huge = envelopeOf("void", {
      recipients: Array.from({ length: 300 }, (_, index) => ({
        ...{ id: index + 1, address: `user${index}@example.test`, orcpt: null, notify: [], parents: [] },
      })),
    });
    hand.sabotage = (operation, path) => {
      // As a power cut would have it: the name is there again.
      if (operation === "unlink" && path.endsWith(".void")) throw diskError("EIO");
      return operation === "flush" && path.endsWith(".void") ? "after" : undefined;
    };
    await expect(spool.accept(huge, messageOf(textFor("void")))).rejects.toMatchObject({ code: "EIO" });
    await acceptOne(spool, "after");
    expect((await recoveredIds(await openIn(await snapshotOf(dir)))).sort()).toEqual(["after"]);
  });

  it("lets the spool end when what it has yet to write can be written nowhere", async () => {
    const dir = await freshDirectory();
    const { hand, files } = switchable();
    const spool = await openIn(dir, { files });
    hand.sabotage = (operation, path) => {
      if ((operation === "write" || operation === "rename") && isSegment(path)) throw diskError("EIO");
      return undefined;
    };
    await expect(acceptOne(spool, "void")).rejects.toMatchObject({ code: "EIO" });
    await expect(acceptOne(spool, "refused")).rejects.toMatchObject({ code: "EIO" });
    await spool.close();
    expect(await recoveredIds(await openIn(dir))).toEqual([]);
  });

  it("of what is written last does not keep the spool from ending: it is written again", async () => {
    const dir = await freshDirectory();
    const { hand, files } = switchable();
    const spool = await openIn(dir, { files });
    await acceptOne(spool, "done");
    await spool.remove("done");
    hand.sabotage = once("EIO", "before");
    await spool.close();
    expect(await recoveredIds(await openIn(dir))).toEqual([]);
  });

  it("does not lose an outcome: it is written again to the next segment", async () => {
    const dir = await freshDirectory();
    const { hand, files } = switchable();
    const spool = await openIn(dir, { files });
    await acceptOne(spool, "m1");
    hand.sabotage = once("EIO", "before");
    await Promise.all([spool.settle("m1", 1, delivered), spool.settle("m1", 2, delivered)]);
    const entry = await (await openIn(await snapshotOf(dir))).read("m1");
    expect(entry?.state.outcomes).toEqual({ 1: delivered, 2: delivered });
  });

  it("rejects an outcome when the next segment fails as well", async () => {
    const { hand, files } = switchable();
    const spool = await openIn(await freshDirectory(), { files });
    await acceptOne(spool, "m1");
    hand.sabotage = (operation, path) => {
      if (operation === "write" && isSegment(path)) throw diskError("EIO");
      return undefined;
    };
    await expect(spool.settle("m1", 1, delivered)).rejects.toMatchObject({ code: "EIO" });
    await expect(acceptOne(spool, "m2")).rejects.toBeInstanceOf(Error);
    hand.sabotage = () => undefined;
  });
});

describe("a full disk", () => {
  it("answers SpoolFull when no further segment can be made, keeps taking outcomes, and recovers", async () => {
    const dir = await freshDirectory();
    const { hand, files } = switchable();
    let nowMs = 1_000_000;
    const spool = await openIn(dir, { files, now: () => nowMs });
    await acceptOne(spool, "m0");
    hand.sabotage = (operation, path) => {
      if (operation === "create" || (operation === "rename" && isSegment(path))) throw diskError("ENOSPC");
      return undefined;
    };
    const ids: string[] = [];
    let failure: unknown = null;
    for (let index = 1; failure === null; index += 1) {
      await acceptOne(spool, `m${index}`, 12_000).then(
        () => ids.push(`m${index}`),
        (error: unknown) => {
          failure = error;
        },
      );
    }
    expect(failure).toBeInstanceOf(SpoolFull);
    for (const id of ids) await spool.settle(id, 1, delivered);
    hand.sabotage = () => undefined;
    nowMs += 60_000;
    await acceptOne(spool, "later");
    const again = await openIn(await snapshotOf(dir));
    expect((await recoveredIds(again)).sort()).toEqual(["later", "m0", ...ids].sort());
    for (const id of ids) expect((await again.read(id))?.state.outcomes).toEqual({ 1: delivered });
  });

  it("while a large message comes in is SpoolFull, and leaves nothing behind", async () => {
    const dir = await freshDirectory();
    const { hand, files } = switchable();
    const spool = await openIn(dir, { files, limits: { memoryMessageBytes: 1000 } });
    hand.sabotage = (operation, path) => {
      if (operation === "write" && path.includes("incoming")) throw diskError("ENOSPC");
      return undefined;
    };
    const intake = spool.receive(null);
    await expect(
      (async () => {
        for (;;) await intake.write(Buffer.alloc(64 * 1024, "x"));
      })(),
    ).rejects.toBeInstanceOf(SpoolFull);
    await expect(intake.end()).rejects.toBeInstanceOf(SpoolFull);
    await intake.abort();
    await intake.abort();
    expect(await readdir(`${dir}/incoming`)).toEqual([]);
  });

  it("while a large message is accepted leaves nothing behind", async () => {
    const dir = await freshDirectory();
    const { hand, files } = switchable();
    const spool = await openIn(dir, { files, limits: { memoryMessageBytes: 1000 } });
    const intake = spool.receive(null);
    await intake.write(Buffer.from(textFor("m1", 4000)));
    const message = await intake.end();
    hand.sabotage = once("ENOSPC", "before");
    await expect(spool.accept(envelopeOf("m1"), message)).rejects.toBeInstanceOf(SpoolFull);
    await intake.abort();
    await spool.close();
    expect(await readdir(`${dir}/incoming`)).toEqual([]);
    expect(await readdir(`${dir}/bodies`)).toEqual([]);
    expect(await recoveredIds(await openIn(dir))).toEqual([]);
  });

  const canMount = process.platform === "linux" && process.getuid?.() === 0 && tryMount();

  it.skipIf(!canMount)("of real (a tmpfs of 1 MiB; needs root to mount one) refuses mail and loses none", async () => {
    const dir = await freshDirectory();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", dir]);
    onCleanUp(async () => void execFileSync("umount", [dir]));
    const log = rememberingLog();
    let nowMs = 1_000_000;
    const spool = await openIn(dir, { log, limits: { maxSegments: 100 }, now: () => nowMs });
    const ids: string[] = [];
    let failure: unknown = null;
    for (let index = 0; failure === null; index += 1) {
      await acceptOne(spool, `m${index}`, 12_000).then(
        () => ids.push(`m${index}`),
        (error: unknown) => {
          failure = error;
        },
      );
    }
    expect(failure).toBeInstanceOf(SpoolFull);
    expect(ids.length).toBeGreaterThan(20);
    for (const id of ids.slice(0, 30)) {
      await spool.settle(id, 1, delivered);
      await spool.remove(id);
    }
    nowMs += 60_000;
    await acceptOne(spool, "later", 12_000);
    await spool.close();
    const again = await openIn(dir, { limits: { maxSegments: 100 } });
    expect((await recoveredIds(again)).sort()).toEqual([...ids.slice(30), "later"].sort());
    await again.close();
  });
});

function tryMount(): boolean {
  try {
    const dir = execFileSync("mktemp", ["-d"], { encoding: "utf8" }).trim();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", dir], { stdio: "ignore" });
    execFileSync("umount", [dir]);
    execFileSync("rmdir", [dir]);
    return true;
  } catch {
    // Not allowed here (a container without the capability): the test says so by its name.
    return false;
  }
}
