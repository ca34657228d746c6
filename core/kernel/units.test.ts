import { describe, expect, it } from "vitest";
import { validate } from "./load/validate.ts";
import { Duration, Size } from "./unit-schemas.ts";
import { formatDuration, formatSize, parseDuration, parseSize } from "./units.ts";

describe("durations", () => {
  it.each([
    ["0", 0],
    ["250ms", 250],
    ["30s", 30_000],
    ["5m", 300_000],
    ["1h30m", 5_400_000],
    ["1.5h", 5_400_000],
    ["5d", 432_000_000],
    ["2w", 1_209_600_000],
  ])("%s is %d ms", (text, ms) => expect(parseDuration(text)).toBe(ms));
  it.each(["", "5", "m", "5 m", "-5m", "5M", "1e3s", "5y", "5m ", "NaNs", `${"9".repeat(20)}w`, "1s".repeat(40)])(
    "%j is none",
    (text) => expect(parseDuration(text)).toBeNull(),
  );
  it("are written back as they are read", () => {
    for (const text of ["250ms", "30s", "5m", "90m", "2h", "5d", "2w"]) {
      expect(formatDuration(parseDuration(text) ?? -1)).toBe(text);
    }
  });
});

describe("sizes", () => {
  it.each([
    ["0", 0],
    ["512", 512],
    ["512B", 512],
    ["64KiB", 65_536],
    ["25 MiB", 26_214_400],
    ["25mb", 25_000_000],
    ["1.5GiB", 1_610_612_736],
  ])("%s is %d bytes", (text, bytes) => expect(parseSize(text)).toBe(bytes));
  it.each(["", "MiB", "25M", "25 apples", "-1", "1e3", "0x10", "9".repeat(20), "9999999TiB"])("%j is none", (text) =>
    expect(parseSize(text)).toBeNull(),
  );
  it("are written back as they are read", () => {
    for (const text of ["512B", "64KiB", "25MiB", "3GiB"]) expect(formatSize(parseSize(text) ?? -1)).toBe(text);
  });
});

describe("as options", () => {
  const schema = {
    type: "object",
    required: ["wait", "most"],
    properties: { wait: Duration({ default: "5m", minimum: "1s", maximum: "1h" }), most: Size({ default: "1MiB" }) },
  };
  it("arrive as numbers, also when they are left out, and leave what was given alone", () => {
    const given = { wait: "30s" };
    expect(validate(schema, given)).toEqual({ ok: true, value: { wait: 30_000, most: 1_048_576 } });
    expect(given).toEqual({ wait: "30s" });
    expect(validate(schema, { most: 4096 })).toMatchObject({ value: { wait: 300_000, most: 4096 } });
  });
  it.each([[{ wait: "2h" }], [{ wait: 300 }], [{ wait: true }], [{ most: "much" }], [{ most: -1 }], [{ most: 1.5 }]])(
    "refuse %j",
    (value) => expect(validate(schema, value).ok).toBe(false),
  );
  it("cannot be made with bounds that are none", () => {
    expect(() => Duration({ default: "soon" })).toThrow(/"soon" is no duration/);
    expect(() => Size({ minimum: "5m" })).toThrow(/"5m" is no size/);
  });
});
