/**
 * What a search has to look at (ADR 13, decision 7): which kinds of looks its keys need, and in what order its keys are asked, so that what
 * costs nothing decides first.
 */
import { everyKey, type SearchKey, type TextKey } from "./search-key.ts";

export interface Plan {
  readonly key: SearchKey;
  readonly needsOverview: boolean;
  readonly needsGist: boolean;
  /** Keys that only reading can decide, and an index can rule out. */
  readonly readKeys: readonly (SearchKey & { readonly at: "header" | "body" | "text" })[];
  readonly textKeys: readonly TextKey[];
}

export function planOf(root: SearchKey): Plan {
  const key = inOrder(root);
  const all = [...new Set(everyKey(key))];
  const needsOverview = all.some(({ at }) => at === "envelope" || at === "sentDate");
  const needsGist = all.some(({ at }) => at === "objectId");
  const textKeys = all.filter((each): each is TextKey => each.at === "body" || each.at === "text");
  const headerKeys = all.filter((each): each is SearchKey & { at: "header" } => each.at === "header");
  return { key, needsOverview, needsGist, readKeys: [...headerKeys, ...textKeys], textKeys };
}

/** Cheapest first in AND and OR. */
function inOrder(key: SearchKey): SearchKey {
  switch (key.at) {
    case "and": {
      const keys = key.keys.map(inOrder);
      return { at: "and", keys: keys.sort((a, b) => costOf(a) - costOf(b)) };
    }
    case "or": {
      const [first, second] = [inOrder(key.keys[0]), inOrder(key.keys[1])];
      return { at: "or", keys: costOf(second) < costOf(first) ? [second, first] : [first, second] };
    }
    case "not":
      return { at: "not", key: inOrder(key.key) };
    case "fuzzy":
      return { at: "fuzzy", exact: inOrder(key.exact), loose: inOrder(key.loose) };
    default:
      return key;
  }
}

/** Roughly, in microseconds a message. */
function costOf(key: SearchKey): number {
  switch (key.at) {
    case "all":
    case "flag":
    case "recent":
    case "number":
    case "uid":
    case "modseq":
      return 0.1;
    case "sentDate":
    case "objectId":
    case "envelope":
      return 10;
    case "header":
      return 50;
    case "body":
    case "text":
      return 200;
    case "and":
    case "or":
      return Math.max(...key.keys.map(costOf));
    case "not":
      return costOf(key.key);
    case "fuzzy":
      return costOf(key.loose);
    // Dates and sizes may ask the disk.
    default:
      return 0.2;
  }
}
