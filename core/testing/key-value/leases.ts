import { describe, expect, it } from "vitest";
import type { KeyValueUnderTest } from "./rig.ts";

export function leaseTests(rig: () => KeyValueUnderTest): void {
  describe("a lease", () => {
    it("is granted until the limit, and again after a release", async () => {
      const { kv } = rig();
      const first = await kv.lease("g", 2);
      const second = await kv.lease("g", 2);
      expect([first?.held, second?.held]).toEqual([1, 2]);
      expect(await kv.lease("g", 2)).toBeNull();
      first?.release();
      first?.release();
      expect((await kv.lease("g", 2))?.held).toBe(2);
      expect(await kv.lease("g", 2)).toBeNull();
      expect((await kv.lease("other", 1))?.held).toBe(1);
      expect(await kv.lease("never", 0)).toBeNull();
    });

    it("counts for all workers", async () => {
      const other = await rig().again();
      const mine = await rig().kv.lease("g", 2);
      const theirs = await other.lease("g", 2);
      expect([mine?.held, theirs?.held]).toEqual([1, 2]);
      expect(await rig().kv.lease("g", 2)).toBeNull();
      theirs?.release();
      expect((await other.lease("g", 3))?.held).toBe(2);
    });

    it("is never granted twice to many who ask at once", async () => {
      const other = await rig().again();
      const asked = await Promise.all(Array.from({ length: 60 }, (_, n) => (n % 2 ? rig().kv : other).lease("g", 7)));
      expect(asked.filter((lease) => lease !== null)).toHaveLength(7);
      for (const lease of asked) lease?.release();
      const again = await Promise.all(Array.from({ length: 9 }, () => rig().kv.lease("g", 7)));
      expect(again.filter((lease) => lease !== null).length).toBeLessThanOrEqual(7);
    });

    it("does not outlive a restart", async () => {
      await rig().kv.lease("g", 1);
      const fresh = await rig().restart();
      expect((await fresh.lease("g", 1))?.held).toBe(1);
    });

    it("stands under a name of any length", async () => {
      const long = "g".repeat(10_000);
      expect((await rig().kv.lease(long, 1))?.held).toBe(1);
      expect((await rig().kv.lease(`${long}x`, 1))?.held).toBe(1);
      expect((await rig().kv.lease("", 1))?.held).toBe(1);
      expect(await rig().kv.lease(long, 1)).toBeNull();
    });
  });
}
