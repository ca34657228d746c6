/**
 * FUZZY (RFC 6203): how a key is taken loosely, and how well a message fits. A phrase becomes its words, in any order and
 * without their endings; keys about anything but text stay as they are (RFC 6203 3).
 */
import type { SearchKey } from "./search-key.ts";

const maxWords = 8;

export function loosen(key: SearchKey): SearchKey {
  switch (key.at) {
    case "and":
      return { at: "and", keys: key.keys.map(loosen) };
    case "or":
      return { at: "or", keys: [loosen(key.keys[0]), loosen(key.keys[1])] };
    case "envelope":
    case "header":
    case "body":
    case "text": {
      const words = key.needle.split(/[^\p{L}\p{N}\p{M}]+/u).filter((word) => word !== "");
      if (words.length === 0 || words.length > maxWords) return key;
      return { at: "and", keys: words.map((needle) => ({ ...key, needle: stemOf(needle) })) };
    }
    // What is looked for in NOT is not to be there exactly.
    default:
      return key;
  }
}

/** Endings of words differ with number and case: a long word is looked for without its last letters. */
const stemOf = (word: string): string =>
  word.length >= 7 ? word.slice(0, -2) : word.length >= 5 ? word.slice(0, -1) : word;

/** RFC 6203 4: from 1 to 100. `fits` tells of the keys of the tree whether they fit this message. */
export function relevancy(root: SearchKey, fits: (key: SearchKey) => boolean): number {
  let sum = 0;
  let count = 0;
  const visit = (key: SearchKey): void => {
    if (key.at === "fuzzy") {
      count++;
      sum += fits(key.exact) ? 100 : fits(key.loose) ? 50 : 1;
    } else if (key.at === "and" || key.at === "or") key.keys.forEach(visit);
  };
  visit(root);
  return count === 0 ? 100 : Math.max(1, Math.round(sum / count));
}
