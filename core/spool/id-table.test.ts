import fc from "fast-check";
import { expect, it } from "vitest";
import { IdTable } from "./id-table.ts";

it("knows what a map knows, whatever is set and deleted", () => {
  const step = fc.record({ id: fc.integer({ min: 0, max: 40 }), value: fc.option(fc.nat(), { nil: null }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const table = new IdTable();
      const map = new Map<string, number>();
      for (const { id, value } of steps) {
        const name = `m${id}`;
        if (value === null) {
          table.delete(name);
          map.delete(name);
        } else {
          table.set(name, value);
          map.set(name, value);
        }
        expect(table.size).toBe(map.size);
      }
      for (let id = 0; id <= 40; id += 1) expect(table.get(`m${id}`)).toBe(map.get(`m${id}`) ?? null);
    }),
  );
});

it("keeps 100,000 ids apart while it grows, and when nine of ten of them go", () => {
  const table = new IdTable();
  const idOf = (index: number) => `01k${index.toString(36).padStart(6, "0")}w0`;
  for (let index = 0; index < 100_000; index += 1) table.set(idOf(index), index);
  expect(table.size).toBe(100_000);
  for (let index = 0; index < 100_000; index += 1) if (index % 10 !== 0) table.delete(idOf(index));
  expect(table.size).toBe(10_000);
  const wrong = Array.from({ length: 100_000 }, (_, index) => index).filter(
    (index) => table.get(idOf(index)) !== (index % 10 === 0 ? index : null),
  );
  expect(wrong).toEqual([]);
});
