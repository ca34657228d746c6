import { describe, expect, it } from "vitest";
import { type KeyValueUnderTest, LATER_MS } from "./rig.ts";

export function updateTests(rig: () => KeyValueUnderTest): void {
  const kept = <V>(value: V) => ({ value, expiresAtMs: rig().clock.now() + LATER_MS });

  describe("an update", () => {
    it("sees what stands there, and answers what stands there afterwards", async () => {
      const space = rig().kv.space<number>("a");
      expect(await space.update("k", (held) => kept((held ?? 0) + 1))).toBe(1);
      expect(await space.update("k", (held) => kept((held ?? 0) + 1))).toBe(2);
      expect(await space.update("k", () => null)).toBe(2);
      expect(await space.update("other", () => null)).toBeNull();
      expect(await space.update("k", () => ({ value: null, expiresAtMs: rig().clock.now() + LATER_MS }))).toBeNull();
      expect(await space.get("k")).toBeNull();
    });

    it("loses none of many at once, from two workers", async () => {
      const other = (await rig().again()).space<number>("a");
      const space = rig().kv.space<number>("a");
      const one = (held: number | null) => kept((held ?? 0) + 1);
      await Promise.all(Array.from({ length: 500 }, (_, n) => (n % 2 ? space : other).update("k", one)));
      expect(await space.get("k")).toBe(500);
      expect(await other.get("k")).toBe(500);
    });

    it("that throws is the caller's alone, and changes nothing", async () => {
      const space = rig().kv.space<unknown>("a");
      await space.update("k", () => kept(1));
      const results = await Promise.allSettled([
        space.update("before", () => kept(1)),
        space.update("k", () => {
          throw new RangeError("no");
        }),
        space.update("k", () => ({ value: 2, expiresAtMs: Number.NaN })),
        space.update("k", () => kept(() => "no JSON")),
        space.update("after", () => kept(1)),
      ]);
      expect(results.map(({ status }) => status)).toEqual([
        "fulfilled",
        "rejected",
        "rejected",
        "rejected",
        "fulfilled",
      ]);
      expect((results[1] as PromiseRejectedResult).reason).toBeInstanceOf(RangeError);
      expect(await Promise.all(["before", "k", "after"].map((key) => space.get(key)))).toEqual([1, 1, 1]);
    });

    it("after a delete finds nothing", async () => {
      const space = rig().kv.space<number>("a");
      await space.update("k", () => kept(1));
      await space.delete("k");
      await space.delete("never there");
      expect(await space.update("k", (held) => kept(held === null ? 7 : 8))).toBe(7);
    });
  });
}
