/** Keywords of a mailbox: each once, whatever its case; the first way of writing it counts. */
import { MAX_KEYWORDS } from "postern/store";

/** Flags that are no keywords are passed over, and so is what goes beyond the bound. */
export function wordsWith(words: readonly string[], flags: Iterable<string>): readonly string[] {
  const known = new Set(words.map((word) => word.toLowerCase()));
  const all = [...words];
  for (const flag of flags) {
    if (flag.startsWith("\\") || known.has(flag.toLowerCase()) || all.length >= MAX_KEYWORDS) continue;
    known.add(flag.toLowerCase());
    all.push(flag);
  }
  return all;
}
