import { describe, expect, it } from "vitest";
import { DataRate } from "./data-rate.ts";

/** Sends `bytes` every `everyMs`, and answers after how many milliseconds it was too slow; `null` if it never was. */
function tooSlowAfter(
  rate: DataRate,
  { bytes, everyMs, forMs }: { bytes: number; everyMs: number; forMs: number },
  startMs = 0,
): number | null {
  for (let now = startMs; now < startMs + forMs; now += everyMs) {
    rate.wait(now);
    rate.resume(now + everyMs);
    rate.count(bytes);
    rate.wait(now + everyMs);
    if (rate.isTooSlow) return now + everyMs - startMs;
  }
  return null;
}

describe("the data rate", () => {
  it.each([
    ["an octet a minute", { bytes: 1, everyMs: 60_000 }, 60_000],
    ["an octet a second", { bytes: 1, everyMs: 1000 }, 60_000],
    ["just too little", { bytes: 99, everyMs: 1000 }, 60_000],
  ])("is too low with %s, as soon as a period is over", (_, how, afterMs) => {
    expect(tooSlowAfter(new DataRate(100, 60_000), { ...how, forMs: 3_600_000 })).toBe(afterMs);
  });

  it.each([
    ["what is asked for", { bytes: 100, everyMs: 1000 }],
    ["one large piece in each period", { bytes: 6000, everyMs: 50_000 }],
    ["many small pieces", { bytes: 1, everyMs: 10 }],
  ])("is enough with %s", (_, how) => {
    expect(tooSlowAfter(new DataRate(100, 60_000), { ...how, forMs: 3_600_000 })).toBe(null);
  });

  it("slides: a quick beginning buys no more than a period", () => {
    const rate = new DataRate(100, 60_000);
    rate.count(100e6);
    const after = tooSlowAfter(rate, { bytes: 1, everyMs: 1000, forMs: 3_600_000 });
    expect(after).toBeGreaterThanOrEqual(60_000);
    expect(after).toBeLessThanOrEqual(80_000);
  });

  it("forgives a stop that is shorter than the period", () => {
    const rate = new DataRate(100, 60_000);
    expect(tooSlowAfter(rate, { bytes: 1000, everyMs: 1000, forMs: 120_000 })).toBe(null);
    expect(tooSlowAfter(rate, { bytes: 1000, everyMs: 45_000, forMs: 45_000 }, 120_000)).toBe(null);
  });

  it("does not count the time that the client waits for us", () => {
    const rate = new DataRate(100, 60_000);
    for (let now = 0; now < 86_400_000; now += 600_000) {
      rate.wait(now);
      rate.resume(now + 1000);
      rate.count(100);
    }
    expect(rate.isTooSlow).toBe(false);
  });

  it("survives a clock that is turned back, and one that leaps", () => {
    const rate = new DataRate(100, 60_000);
    rate.wait(1_000_000);
    rate.resume(0);
    expect(rate.isTooSlow).toBe(false);
    rate.wait(0);
    rate.resume(1e12);
    rate.wait(1e12);
    expect(rate.isTooSlow).toBe(true);
  });
});
