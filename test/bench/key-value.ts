/**
 * Changes a second of the embedded KeyValue, and how long the event loop stands still meanwhile: `npx tsx test/bench/key-value.ts`
 * (and `PROCESSES=2`). Concurrency is how many changes each process waits for at once.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { createKeyValue } from "../../core/kv/key-value.ts";
import { silentLog } from "../../core/testing/kernel.ts";

const CHANGES = 40_000;
const [, , givenDirectory] = process.argv;
const directory = givenDirectory ?? mkdtempSync(join(tmpdir(), "postern-bench-kv-"));

async function measure(): Promise<void> {
  const kv = createKeyValue({ directory, log: silentLog, clock: Date });
  const space = kv.space<{ n: number; sinceMs: number }>("bench");
  const begunMs = performance.now();
  await space.get("first");
  process.stdout.write(`opened in ${Math.round(performance.now() - begunMs)} ms\n`);
  for (const concurrency of [1, 10, 100, 1_000]) {
    const delays = monitorEventLoopDelay({ resolution: 1 });
    delays.enable();
    const fromMs = performance.now();
    let next = 0;
    const one = async () => {
      while (next < CHANGES) {
        const key = `greylist/192.0.2.${next % 250}/sender${next % 5_000}@example.net/ann@example.org`;
        next += 1;
        const nowMs = Date.now();
        await space.update(key, (held) => ({
          value: { n: (held?.n ?? 0) + 1, sinceMs: held?.sinceMs ?? nowMs },
          expiresAtMs: nowMs + 3_600_000,
        }));
      }
    };
    await Promise.all(Array.from({ length: concurrency }, one));
    const seconds = (performance.now() - fromMs) / 1_000;
    delays.disable();
    const ms = (nanoseconds: number) => (nanoseconds / 1e6).toFixed(1);
    process.stdout.write(
      `${concurrency} at once: ${Math.round(CHANGES / seconds)}/s, loop delay p99 ${ms(delays.percentile(99))} max ${ms(delays.max)} ms\n`,
    );
  }
  const fromMs = performance.now();
  for (let n = 0; n < CHANGES; n += 1) await space.get(`greylist/${n}`);
  process.stdout.write(`reads: ${Math.round(CHANGES / ((performance.now() - fromMs) / 1_000))}/s\n`);
  await kv.close();
}

if (givenDirectory === undefined && process.env.PROCESSES) {
  const children = Array.from({ length: Number(process.env.PROCESSES) }, () =>
    fork(fileURLToPath(import.meta.url), [directory], { execArgv: ["--import", "tsx"] }),
  );
  await Promise.all(children.map((child) => once(child, "exit")));
} else await measure();
if (givenDirectory === undefined) rmSync(directory, { recursive: true });
