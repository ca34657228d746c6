import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countOf, endOf, type Window, windowAt } from "./window.ts";

const MINUTE = 60_000;
const at = (minutes: number) => minutes * MINUTE;
const add = (held: Window | undefined, nowMs: number, amount = 1): Window => {
  const [index, before, now] = windowAt(held, MINUTE, nowMs);
  return [index, before, now + amount];
};

describe("a sliding window", () => {
  it("counts the window before by the share that is still within", () => {
    const held = add(undefined, at(10.5), 8);
    expect(countOf(windowAt(held, MINUTE, at(10.9)), MINUTE, at(10.9))).toBe(8);
    expect(countOf(windowAt(held, MINUTE, at(11)), MINUTE, at(11))).toBe(8);
    expect(countOf(windowAt(held, MINUTE, at(11.5)), MINUTE, at(11.5))).toBe(4);
    expect(countOf(windowAt(held, MINUTE, at(12)), MINUTE, at(12))).toBe(0);
    expect(endOf(held, MINUTE)).toBe(at(12));
  });

  it("does not run when the clock is set back a little, and begins anew when it was far ahead", () => {
    const held = add(undefined, at(10), 3);
    expect(countOf(windowAt(held, MINUTE, at(9)), MINUTE, at(9))).toBe(3);
    expect(countOf(windowAt(held, MINUTE, at(8)), MINUTE, at(8))).toBe(0);
  });

  it("never lets through twice the limit in any stretch, and lets the limit through after a pause", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 50, maxLength: 200 }), (pauses) => {
        const limit = 10;
        let held: Window | undefined;
        let nowMs = at(1_000);
        const passed: number[] = [];
        for (const pause of pauses) {
          nowMs += pause;
          if (countOf(windowAt(held, MINUTE, nowMs), MINUTE, nowMs) + 1 > limit) continue;
          held = add(held, nowMs);
          passed.push(nowMs);
          expect(passed.filter((one) => one > nowMs - MINUTE).length).toBeLessThanOrEqual(2 * limit - 1);
        }
        expect(countOf(windowAt(held, MINUTE, nowMs + 2 * MINUTE), MINUTE, nowMs + 2 * MINUTE)).toBe(0);
      }),
      { numRuns: 50 },
    );
  });
});
