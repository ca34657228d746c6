/** A bounded share of `npm run crash`, and proof that it finds what is there to be found. */
import { describe, expect, it } from "vitest";
import type { SpoolFiles } from "../../core/spool/files.ts";
import { fullDisk, whyNoServerFaults } from "./faults/server-faults.ts";
import { injectFaults } from "./faults/spool-faults.ts";
import { killServers } from "./kills/server-kills.ts";
import { killSpools } from "./kills/spool-kills.ts";
import { type CutOptions, cutPower } from "./power/cutting.ts";
import { maildirWorkload } from "./power/maildir-workload.ts";
import { failingNowAndThen, spoolWorkload } from "./power/spool-workload.ts";

const SEED = 20260102;
const timeoutMs = 900_000;
const some: CutOptions = { seed: SEED, share: 0.02, exhaustive: 3, samples: 3 };
const small = { lanes: 3, steps: 10 };

describe("power cuts", { timeout: timeoutMs }, () => {
  it("of a spool at work", async () => {
    expect((await cutPower(spoolWorkload("spool", small), some)).states).toBeGreaterThan(20);
  });

  it("of a spool whose disk fails now and then", async () => {
    const failing = spoolWorkload("failing spool", { ...small, mishap: failingNowAndThen(0.04) });
    expect((await cutPower(failing, some)).states).toBeGreaterThan(5);
  });

  it("between spool and Maildir", async () => {
    expect((await cutPower(maildirWorkload({ lanes: 3, steps: 3 }), { ...some, share: 0.15 })).states).toBeGreaterThan(
      50,
    );
  });

  const forgetting: readonly (readonly [string, (files: SpoolFiles) => SpoolFiles])[] = [
    [
      "that a journal's writes be flushed",
      (files) => ({ ...files, openWrite: (path) => files.openWrite(path, "buffered") }),
    ],
    ["to flush names", (files) => ({ ...files, flushDirectory: async () => {} })],
    ["to flush bodies and deferred files", (files) => ({ ...files, flush: async () => {} })],
  ];
  it.each(forgetting)("find a spool that forgets %s", async (_, disk) => {
    const broken = spoolWorkload("broken", { lanes: 3, steps: 14, disk });
    const found = await cutPower(broken, { ...some, share: 1, samples: 0, isForgetful: true }).then(String, String);
    expect(found).toMatch(/broken, SEED=\d+, cut at \d+: \S+ (is lost|cannot be read|is forgotten|: )/);
  });
});

it("each operation of a spool may fail", { timeout: timeoutMs }, async () => {
  const report = await injectFaults({ seed: SEED, share: 0.01 });
  expect(report.met).toBeGreaterThan(5);
});

describe("under the whole server", { timeout: timeoutMs }, () => {
  const reason = whyNoServerFaults();
  const name = (text: string): string => (reason === null ? text : `${text} (skipped: ${reason})`);

  it.skipIf(reason !== null)(name("a full disk puts mail off, and loses none"), async () => {
    const { replies, logged } = await fullDisk();
    expect(replies.every((reply) => reply.startsWith("452 4.3.1 "))).toBe(true);
    expect(logged.join()).toContain("no room");
  });
});

it("kill -9 of a process that works on a spool", { timeout: timeoutMs }, async () => {
  const report = await killSpools({ seed: SEED, points: 12 });
  expect(report.points).toBe(12);
  expect(report.duplicates).toBeLessThanOrEqual(report.duplicatesAllowed);
});

it("kill -9 of a server under load", { timeout: timeoutMs }, async () => {
  const report = await killServers({ seed: SEED, points: 1 });
  expect(report.accepted).toBeGreaterThan(0);
  expect(report.duplicates).toBeLessThanOrEqual(report.duplicatesAllowed);
});
