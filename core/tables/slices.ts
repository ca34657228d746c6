/**
 * Work that gives way: a generator that yields wherever it may be interrupted. A table of a million rows is read without clients
 * being kept waiting meanwhile.
 */
import { setImmediate as nextTurn } from "node:timers/promises";

export type Slices<T> = Generator<void, T, void>;

/** So many rows are quick work. */
export const ROWS_A_SLICE = 500;
/** So long nobody else is served. */
const BUSY_MS = 15;

export function atOnce<T>(work: Slices<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

export async function inSlices<T>(work: Slices<T>): Promise<T> {
  for (let since = performance.now(); ; ) {
    const step = work.next();
    if (step.done) return step.value;
    if (performance.now() - since < BUSY_MS) continue;
    await nextTurn();
    since = performance.now();
  }
}
