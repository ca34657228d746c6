/** `Duration()` and `Size()`: schema makers whose values arrive as milliseconds and as bytes. */
import { type TUnsafe, Type } from "typebox";
import { parseDuration, parseSize, type UnitRule, unitKeyword } from "./units.ts";

interface UnitOptions {
  readonly description?: string;
  /** As the operator would write it: `"5m"`, `"25MiB"`. */
  readonly default?: string;
  readonly minimum?: string;
  readonly maximum?: string;
}

function unit(of: UnitRule["of"], { minimum, maximum, ...options }: UnitOptions): TUnsafe<number> {
  const bound = (text: string): number => {
    const value = of === "duration" ? parseDuration(text) : parseSize(text);
    if (value === null) throw new TypeError(`"${text}" is no ${of}`);
    return value;
  };
  if (options.default !== undefined) bound(options.default);
  const rule: UnitRule = {
    of,
    ...(minimum === undefined ? {} : { minimum: bound(minimum) }),
    ...(maximum === undefined ? {} : { maximum: bound(maximum) }),
  };
  return Type.Unsafe<number>({ type: ["string", "number"], [unitKeyword]: rule, ...options });
}

/** An option written as `30s`, `5m`, `2h`, `3d`; arrives as milliseconds. */
export const Duration = (options: UnitOptions = {}): TUnsafe<number> => unit("duration", options);

/** An option written as `64KiB`, `25MiB`, `1GB`; arrives as bytes. */
export const Size = (options: UnitOptions = {}): TUnsafe<number> => unit("size", options);
