import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type KeyValueUnderTest, LATER_MS } from "./rig.ts";

export function spaceTests(rig: () => KeyValueUnderTest): void {
  const put = async <V>(space: string, key: string, value: V, forMs = LATER_MS) =>
    rig()
      .kv.space<V>(space)
      .update(key, () => ({ value, expiresAtMs: rig().clock.now() + forMs }));

  describe("what is kept", () => {
    it("is there for every worker, and after a restart", async () => {
      await put("a", "k", { n: 1, list: [true, null, "ü"] });
      expect(await (await rig().again()).space("a").get("k")).toEqual({ n: 1, list: [true, null, "ü"] });
      expect(await (await rig().restart()).space("a").get("k")).toEqual({ n: 1, list: [true, null, "ü"] });
    });

    it("is seen at once by who reads again after having read nothing", async () => {
      const other = (await rig().again()).space("a");
      for (let round = 0; round < 20; round += 1) {
        expect(await other.get(`k${round}`)).toBeNull();
        await put("a", `k${round}`, round);
        expect(await other.get(`k${round}`)).toBe(round);
      }
    });

    it("never meets what another space keeps under the same key", async () => {
      await put("a", "k", 1);
      await put("ab", "k", 2);
      expect(await rig().kv.space("a").get("k")).toBe(1);
      expect(await rig().kv.space("b").get("k")).toBeNull();
      expect(await rig().kv.space("a").list("", 10)).toEqual([{ key: "k", value: 1 }]);
    });

    it("tells spaces apart whose names are long", async () => {
      const names = ["x".repeat(64), "x".repeat(65), "x".repeat(500), `${"x".repeat(500)}y`, "ü".repeat(100)];
      for (const [index, name] of names.entries()) await put(name, "k", index);
      for (const [index, name] of names.entries()) {
        expect(await rig().kv.space(name).get("k")).toBe(index);
        expect(await rig().kv.space(name).list("", 10)).toEqual([{ key: "k", value: index }]);
      }
    });

    it("tells keys apart that are long, strange or empty", async () => {
      const long = "x".repeat(5_000);
      const keys = [
        long,
        `${long}y`,
        "",
        "\0",
        "é",
        "e",
        "k\0k",
        "ü".repeat(500),
        `${"ü".repeat(500)}ü`,
        "😀".repeat(90),
      ];
      for (const [index, key] of keys.entries()) await put("a", key, index);
      for (const [index, key] of keys.entries()) expect(await rig().kv.space("a").get(key)).toBe(index);
      const listed = await rig().kv.space<number>("a").list("", 100);
      expect(listed).toHaveLength(keys.length);
      for (const { key, value } of listed) {
        expect(Buffer.byteLength(key)).toBeLessThan(1_000);
        expect(await rig().kv.space("a").get(key)).toBe(value);
      }
    });

    it("comes back as the JSON data it was", async () => {
      const space = rig().kv.space<fc.JsonValue>("json");
      await fc.assert(
        fc.asyncProperty(fc.string({ unit: "grapheme", maxLength: 300 }), fc.jsonValue(), async (key, value) => {
          if (value === null) return;
          const plain = JSON.parse(JSON.stringify(value));
          await space.update(key, () => ({ value: plain, expiresAtMs: rig().clock.now() + LATER_MS }));
          expect(await space.get(key)).toEqual(plain);
        }),
        { numRuns: 50 },
      );
    });
  });

  describe("what has expired", () => {
    it("is not there any more, for nobody", async () => {
      const space = rig().kv.space<number>("a");
      await put("a", "k", 1, 1_000);
      rig().clock.advance(999);
      expect(await space.get("k")).toBe(1);
      rig().clock.advance(1);
      expect(await space.get("k")).toBeNull();
      expect(await space.list("", 10)).toEqual([]);
      expect(await (await rig().again()).space("a").get("k")).toBeNull();
      expect(
        await space.update("k", (held) => ({ value: held === null ? 10 : 99, expiresAtMs: Number.MAX_VALUE })),
      ).toBe(10);
    });

    it("lives on where it was prolonged, and is gone early where it was shortened", async () => {
      const space = rig().kv.space<number>("a");
      await put("a", "long", 1, 1_000);
      await put("a", "short", 1, 100_000);
      await put("a", "long", 2, 100_000);
      await put("a", "short", 2, 1_000);
      rig().clock.advance(50_000);
      for (let n = 0; n < 200; n += 1) await put("a", `other${n}`, n);
      expect(await space.get("long")).toBe(2);
      expect(await space.get("short")).toBeNull();
      rig().clock.advance(50_000);
      expect(await space.get("long")).toBeNull();
    });

    it("is not kept at all when it has expired already", async () => {
      expect(await put("a", "k", 1, 0)).toBeNull();
      expect(await rig().kv.space("a").get("k")).toBeNull();
    });
  });

  describe("a list", () => {
    it("has what begins with the prefix, in order, and no more than was asked for", async () => {
      for (const key of ["b/2", "a/1", "b/1", "b", "c", "b/10", "B/1"]) await put("a", key, key);
      const keys = async (prefix: string, limit: number) =>
        (await rig().kv.space("a").list(prefix, limit)).map(({ key }) => key);
      expect(await keys("b/", 10)).toEqual(["b/1", "b/10", "b/2"]);
      expect(await keys("b", 2)).toEqual(["b", "b/1"]);
      expect(await keys("", 100)).toEqual(["B/1", "a/1", "b", "b/1", "b/10", "b/2", "c"]);
      expect(await keys("x", 10)).toEqual([]);
      expect(await keys("", 0)).toEqual([]);
    });
  });
}
