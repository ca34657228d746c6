/**
 * kill -9 under load, at random moments, again and again on the same spool: nothing that was confirmed is lost, nothing
 * settled is forgotten, every message is whole. CRASH_ROUNDS sets how often (10), CRASH_SEED repeats a run.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import type { Spool } from "../../core/contracts/spool.ts";
import { openSpool } from "../../core/spool/open-spool.ts";

const rounds = Number(process.env.CRASH_ROUNDS ?? 10);
const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
const program = fileURLToPath(new URL("./spool-load.ts", import.meta.url));
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** Park and Miller's generator: the same seed, the same moments (as far as the machine allows). */
function randomFrom(start: number): () => number {
  let state = (start % 2_147_483_646) + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

interface Told {
  readonly accepted: Set<string>;
  readonly settled: Set<string>;
  readonly removed: Set<string>;
}

/** Runs the load until it has told `lines` lines, kills it, and notes everything that it told. */
function loadAndKill(dir: string, prefix: string, lines: number, told: Told): Promise<void> {
  const child = spawn(process.execPath, ["--import", "tsx", program, dir, prefix, "10"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let heard = 0;
  let complaint = "";
  child.stderr.on("data", (chunk) => {
    complaint += chunk;
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    const [what = "", id = ""] = line.split(" ");
    if (what === "+") told.accepted.add(id);
    if (what === "=") told.settled.add(id);
    if (what === "-") told.removed.add(id);
    heard += 1;
    if (heard === lines) child.kill("SIGKILL");
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (_, signal) => {
      if (signal === "SIGKILL") resolve();
      else reject(new Error(`the load ended by itself: ${complaint}`));
    });
  });
}

async function idsIn(spool: Spool): Promise<Set<string>> {
  const ids = new Set<string>();
  for await (const { id } of spool.recovered(Number.POSITIVE_INFINITY)) {
    expect(ids.has(id), `${id} told twice`).toBe(false);
    ids.add(id);
  }
  return ids;
}

it(
  `loses nothing confirmed in ${rounds} kills (seed ${seed})`,
  async () => {
    const random = randomFrom(seed);
    const dir = await mkdtemp(join(tmpdir(), "postern-crash-"));
    try {
      const told: Told = { accepted: new Set(), settled: new Set(), removed: new Set() };
      for (let round = 0; round < rounds; round += 1) {
        await loadAndKill(dir, `r${round}x`, 1 + Math.floor(random() ** 2 * 1200), told);
        await check(dir, told);
      }
      expect(await readdir(join(dir, "incoming"))).toEqual([]);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  },
  60_000 + rounds * 10_000,
);

async function check(dir: string, told: Told): Promise<void> {
  // The same figures as the load: a start with others would not empty the same segments.
  const limits = { segmentBytes: 256 * 1024, maxSegments: 3, memoryMessageBytes: 20_000, minFreeBytes: 0 };
  const spool = await openSpool({ dir, log: silent, clock: Date, limits });
  const ids = await idsIn(spool);
  for (const id of told.accepted) if (!told.removed.has(id)) expect(ids.has(id), `${id} is lost`).toBe(true);
  for (const id of ids) {
    const entry = await spool.read(id);
    expect(entry, `${id} cannot be read`).not.toBeNull();
    if (told.settled.has(id)) expect(entry?.state.outcomes[1]?.at, `outcome of ${id}`).toBe("delivered");
    expect(entry?.message.headers.get("subject")).toBe(id);
    let text = "";
    for await (const chunk of entry?.message.content() ?? []) text += String(chunk);
    expect(text.split("\r\n\r\n")[1]?.replaceAll(`${id} `, ""), `bytes of ${id}`).toBe("");
    // Half of them go on into the next round, so that old messages are in the game as well.
    if (id.length % 2 === 0 || ids.size < 200) continue;
    told.accepted.delete(id);
    await spool.remove(id);
  }
  await spool.close();
}
