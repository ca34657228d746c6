/**
 * Runs a target: its corpus as it is, then inputs made of it. A failure names target, seed and number of the input, which is
 * enough to have it again, and the smallest input found that still fails.
 */
import { mutate } from "./mutate.ts";
import { Random, seedOf } from "./random.ts";
import { shown, type Target } from "./target.ts";

/** An input of at most 64 KiB that keeps a processor busy for so long has found something. */
const CPU_LIMIT_MS = 5000;
const SHRINKING_STEPS = 300;

export interface FuzzRun {
  readonly seed: number;
  /** How many inputs, or until when (`performance.now()`). */
  readonly inputs?: number;
  readonly untilMs?: number;
  /** The number of the first input. */
  readonly from?: number;
}

export class FuzzFailure extends Error {}

/** Answers how many inputs there were. */
export async function fuzz(target: Target, { seed, inputs, untilMs, from = 0 }: FuzzRun): Promise<number> {
  await target.open?.();
  try {
    const { corpus } = target;
    let index = from;
    const goesOn = (): boolean =>
      (inputs === undefined || index < from + inputs) && (untilMs === undefined || performance.now() < untilMs);
    for (; goesOn(); index++) {
      const inputSeed = seedOf(seed, index);
      const input = Buffer.from(corpus[index] ?? mutate(new Random(inputSeed), target));
      const cause = await failureOf(target, input, inputSeed);
      if (cause === null) continue;
      const smallest = await shrink(target, input, inputSeed);
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new FuzzFailure(
        `${target.name}, seed ${seed}, input ${index}: ${message}\ninput: ${shown(input)}\nsmallest: ${shown(smallest)}`,
        { cause },
      );
    }
    return index - from;
  } finally {
    await target.close?.();
  }
}

/** `null` if all goes well. */
async function failureOf(target: Target, input: Buffer, seed: number): Promise<unknown> {
  const before = process.cpuUsage();
  try {
    // Its own numbers: the same input is cut the same way, however it was made. A copy: the input stays as it is.
    const step = target.run(Buffer.from(input), new Random(seed ^ 0x5bd1e995));
    if (step instanceof Promise) await step;
  } catch (cause) {
    return cause;
  }
  const { user } = process.cpuUsage(before);
  return user / 1000 > CPU_LIMIT_MS ? new Error(`took ${user / 1000} ms of processor time`) : null;
}

async function shrink(target: Target, failing: Buffer, seed: number): Promise<Buffer> {
  let smallest = failing;
  let left = SHRINKING_STEPS;
  for (let size = Math.ceil(smallest.length / 2); size >= 1 && left > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < smallest.length && left > 0; left--) {
      const shorter = Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + size)]);
      if ((await failureOf(target, shorter, seed)) === null) at += size;
      else smallest = shorter;
    }
  }
  return smallest;
}
