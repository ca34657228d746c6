/**
 * Which shapes of keys a table has: most tables have one or two, and an address is looked up under many. Pure. Whoever asks for a
 * key and whoever holds it must see the same shape, so nothing but the text of the key counts, and its case does not.
 */
import type { KeyShape, Table } from "../contracts/tables.ts";

export function shapeOf(key: string): KeyShape {
  if (key.endsWith("@")) return "local@";
  const at = key.indexOf("@");
  if (at >= 0) return at === 0 ? "@domain" : "address";
  return key.startsWith(".") ? ".domain" : "name";
}

export function shapesOf(keys: Iterable<string>): ReadonlySet<KeyShape> {
  const shapes = new Set<KeyShape>();
  for (const key of keys) shapes.add(shapeOf(key));
  return shapes;
}

export type Wants = (shape: KeyShape) => boolean;

/** Any shape. */
export const wantsAll: Wants = () => true;
const wantsNone: Wants = () => false;

/** Whether any of these tables may have a key of this shape that is not the whole of what is asked for. */
export function wantsOf(tables: readonly Table[]): Wants {
  let wants = wantsNone;
  for (const table of tables) {
    if (!isExact(table)) continue;
    const shapes = table.keyShapes?.() ?? null;
    if (shapes === null) return wantsAll;
    const before = wants;
    wants = before === wantsNone ? (shape) => shapes.has(shape) : (shape) => shapes.has(shape) || before(shape);
  }
  return wants;
}

export const isExact = ({ kind }: Table): boolean => kind === undefined || kind === "exact";
