/**
 * Asks tables for a list of keys, key by key, each table in turn: the first value wins (Postfix's maps_find). Answers at once
 * while the tables do. A table that cannot answer throws or rejects, and so does this: "no such key" is never guessed.
 */
import type { Table, TableHit } from "../contracts/tables.ts";
import type { Key } from "./address-keys.ts";
import { isExact } from "./key-shape.ts";

type Found = TableHit | null | Promise<TableHit | null>;

export function find(tables: readonly Table[], keys: readonly Key[]): Found {
  for (let k = 0; k < keys.length; k += 1) {
    const key = keys[k];
    if (key) {
      const found = findKey(tables, key, 0);
      if (found instanceof Promise) return found.then((hit) => hit ?? find(tables, keys.slice(k + 1)));
      if (found !== null) return found;
    }
  }
  return null;
}

function findKey(tables: readonly Table[], key: Key, from: number): Found {
  for (let t = from; t < tables.length; t += 1) {
    const table = tables[t];
    if (table && (key.isWhole || isExact(table))) {
      const asked = isExact(table) ? key.key.toLowerCase() : key.key;
      const value = table.get(asked);
      if (value instanceof Promise)
        return value.then((later) => (later === null ? findKey(tables, key, t + 1) : hitOf(asked, later, key)));
      if (value !== null) return hitOf(asked, value, key);
    }
  }
  return null;
}

const hitOf = (key: string, value: string, { extension }: Key): TableHit => ({ key, value, extension });
