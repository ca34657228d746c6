import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { type Piece, recover, replace, type Step } from "./journal.ts";

const directory = mkdtempSync(join(tmpdir(), "postern-journal-"));
afterAll(() => rmSync(directory, { recursive: true }));
const path = join(directory, "mbox");
const journal = join(directory, "journal");

const PAGE = 4096;

/** Text that is different everywhere, so that nothing is right by accident. */
const text = (length: number, seed: number): Buffer =>
  Buffer.from(
    Array.from({ length: Math.ceil(length / 8) }, (_, index) => `${seed}.${index}`.padEnd(8, "-")).join(""),
  ).subarray(0, length);

interface Case {
  readonly old: Buffer;
  readonly at: number;
  readonly oldLength: number;
  readonly pieces: readonly Piece[];
}

const outcomeOf = ({ old, at, oldLength, pieces }: Case): Buffer =>
  Buffer.concat([
    old.subarray(0, at),
    ...pieces.map((piece) => (Buffer.isBuffer(piece) ? piece : old.subarray(piece.from, piece.from + piece.length))),
    old.subarray(at + oldLength),
  ]);

/** Stops at a step, as a process does that is killed there. */
async function killedAt(one: Case, last: Step, count = 1): Promise<void> {
  writeFileSync(path, one.old);
  const fd = openSync(path, "r+");
  let seen = 0;
  try {
    await replace(fd, journal, one, (step) => {
      if (step === last && ++seen === count) throw Object.assign(new Error("killed"), { code: "KILLED" });
    });
  } catch (cause) {
    expect(cause).toMatchObject({ code: "KILLED" });
  } finally {
    closeSync(fd);
  }
}

async function recovered(): Promise<string> {
  const fd = openSync(path, "r+");
  try {
    return (await recover(fd, journal)).at;
  } finally {
    closeSync(fd);
  }
}

const sizes = fc.integer({ min: 1, max: 5 * PAGE });
const cases = fc
  .tuple(sizes, sizes, fc.integer({ min: 0, max: 3 * PAGE }), fc.boolean(), fc.nat(20))
  .map(([before, behind, fresh, keepsSize, cut]): Case => {
    const old = text(before + behind, 1);
    if (keepsSize)
      return { old, at: before - 1, oldLength: Math.min(behind, 300), pieces: [text(Math.min(behind, 300), 2)] };
    const rest = Math.max(0, behind - cut * 500);
    return {
      old,
      at: before,
      oldLength: behind,
      pieces: [text(fresh, 2), { from: before + behind - rest, length: rest }],
    };
  });

describe("a rewrite", () => {
  it("puts in place what was asked for, and leaves no journal", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        await killedAt(one, "flushed", 99);
        expect(readFileSync(path).equals(outcomeOf(one))).toBe(true);
        expect(existsSync(journal)).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  it("is finished by whoever comes after a kill at any step, with what others appended meanwhile", async () => {
    const steps = fc.constantFrom<Step>("written", "named", "extended", "copied", "truncated", "flushed");
    await fc.assert(
      fc.asyncProperty(cases, steps, fc.integer({ min: 0, max: 2 * PAGE }), async (one, step, extra) => {
        await killedAt(one, step);
        const isCommitted = existsSync(journal);
        const theirs = text(extra, 3);
        writeFileSync(path, theirs, { flag: "a" });
        const at = await recovered();
        expect(at).toBe(isCommitted ? "finished" : "none");
        // To cut a file off is one call: that has no steps.
        const isCut = outcomeOf(one).length === one.at && one.at + one.oldLength === one.old.length;
        const wanted = isCommitted || isCut ? outcomeOf(one) : one.old;
        expect(readFileSync(path).equals(Buffer.concat([wanted, theirs]))).toBe(true);
        expect(existsSync(journal)).toBe(false);
      }),
      { numRuns: 150 },
    );
  });

  it("is finished when only some pages were written", async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(10), fc.integer({ min: 0, max: PAGE }), async (one, pages, extra) => {
        await killedAt(one, "named");
        if (!existsSync(journal)) return;
        const fresh = outcomeOf(one);
        const fd = openSync(path, "r+");
        if (fresh.length > one.old.length) ftruncateSync(fd, fresh.length);
        const end = Math.min(fresh.length, Math.floor(one.at / PAGE) * PAGE + pages * PAGE);
        if (end > one.at) writeSync(fd, fresh, one.at, end - one.at, one.at);
        closeSync(fd);
        const theirs = text(extra, 3);
        writeFileSync(path, theirs, { flag: "a" });
        expect(await recovered()).toBe("finished");
        expect(readFileSync(path).equals(Buffer.concat([fresh, theirs]))).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it("leaves alone a file that another program has rewritten meanwhile", async () => {
    const one: Case = { old: text(20_000, 1), at: 1000, oldLength: 19_000, pieces: [{ from: 5000, length: 15_000 }] };
    await killedAt(one, "named");
    const theirs = text(17_000, 4);
    writeFileSync(path, theirs);
    expect(await recovered()).toBe("rewritten");
    expect(readFileSync(path).equals(theirs)).toBe(true);
    expect(readFileSync(journal).subarray(0, 15_000).equals(one.old.subarray(5000))).toBe(true);
    rmSync(journal);
  });

  it("takes a journal that is none for none", async () => {
    writeFileSync(path, "x");
    for (const bytes of ["", "mbox", `${"\0".repeat(11)}mbox`, text(5000, 1)]) {
      writeFileSync(journal, bytes);
      expect(await recovered()).toBe("none");
      expect(existsSync(journal)).toBe(false);
    }
    expect(readFileSync(path, "utf8")).toBe("x");
  });
});
