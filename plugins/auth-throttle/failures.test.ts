import { describe, expect, it } from "vitest";
import { addFailure, countOf, delayOf, type Failures, type Rules } from "./failures.ts";

const rules: Rules = { periodMs: 1000, banAfter: 3, banMs: 100, maxBanMs: 350 };

/** `[time, mistake]`, one after the other. */
function failing(...failures: readonly (readonly [atMs: number, mistake: string | null])[]) {
  let held: Failures | null = null;
  const bans: number[] = [];
  let last = addFailure(null, null, 0, rules);
  for (const [atMs, mistake] of failures) {
    last = addFailure(held, mistake, atMs, rules);
    held = last.failures;
    if (last.isNewBan) bans.push(last.failures.bannedUntilMs - atMs);
  }
  return { ...last, bans };
}

describe("failures", () => {
  it("make a ban when there are so many within the period, not when they are further apart", () => {
    expect(failing([0, null], [400, null], [999, null]).bans).toEqual([100]);
    expect(failing([0, null], [400, null], [1001, null]).bans).toEqual([]);
  });

  it("begin anew after a ban, and the next one lasts longer, up to the longest", () => {
    const four = [0, 1000, 2000, 3000].flatMap((at) => [1, 2, 3].map((more) => [at + more, null] as const));
    expect(failing(...four).bans).toEqual([100, 200, 350, 350]);
    expect(failing([0, null], [1, null], [2, null]).failures).toMatchObject({ at: [], bans: 1 });
  });

  it("are the same mistake once, however often it comes", () => {
    const same = failing([0, "a"], [1, "a"], [2, "a"], [3, "a"], [4, "a"]);
    expect(same.bans).toEqual([]);
    expect(same.isNew).toBe(false);
    expect(same.failures.at).toEqual([0]);
    expect(failing([0, "a"], [1, "b"], [2, "a"], [3, "c"]).bans).toEqual([100]);
    // After the period it is news again.
    expect(failing([0, "a"], [2000, "a"]).failures.at).toEqual([2000]);
  });

  it("remember a bounded number of mistakes and times", () => {
    const wide = { ...rules, banAfter: null };
    let held: Failures | null = null;
    for (let at = 0; at < 500; at++) held = addFailure(held, `m${at}`, at, wide).failures;
    expect(held?.seen).toEqual(Array.from({ length: 8 }, (_, at) => `m${492 + at}`));
    expect(held?.at).toHaveLength(100);
    expect(held?.bannedUntilMs).toBe(0);
  });

  it("are kept as long as they count, and bans longer", () => {
    expect(failing([5, null]).expiresAtMs).toBe(1005);
    expect(failing([0, null], [1, null], [2, null]).expiresAtMs).toBe(1002);
    const long = addFailure(null, null, 0, { ...rules, banAfter: 1, banMs: 5000, maxBanMs: 9000 });
    expect(long.expiresAtMs).toBe(14_000);
  });

  it("count within the period", () => {
    expect(countOf({ at: [1, 500, 900], seen: [], bannedUntilMs: 0, bans: 0 }, 1200, 1000)).toBe(2);
    expect(countOf(null, 0, 1000)).toBe(0);
  });
});

describe("delays", () => {
  it("begin after so many failures, and double up to the longest", () => {
    const delays = { after: 2, firstMs: 10, maxMs: 50 };
    expect([0, 1, 2, 3, 4, 5, 1000].map((count) => delayOf(count, delays))).toEqual([0, 0, 10, 20, 40, 50, 50]);
  });
});
