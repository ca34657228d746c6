/** Flags as an mbox can hold them: letters in Status and X-Status, keywords as they are. */
import { type Flag, StoreError } from "../../contracts/mailbox-store.ts";

export const STATUS: Readonly<Record<string, Flag>> = { R: "\\Seen" };
export const XSTATUS: Readonly<Record<string, Flag>> = {
  A: "\\Answered",
  F: "\\Flagged",
  T: "\\Draft",
  D: "\\Deleted",
};
/** RFC 3501 9: flag-keyword is an atom. */
const KEYWORD = /^[^\x00-\x20\x7f-\uffff(){%*"\\\]]{1,255}$/;
const SYSTEM: ReadonlyMap<string, Flag> = new Map(
  [...Object.values(STATUS), ...Object.values(XSTATUS)].map((flag) => [flag.toLowerCase(), flag]),
);
export const MAX_KEYWORDS = 256;

export const isKeyword = (word: string): boolean => KEYWORD.test(word);

/** Flags as an mbox keeps them: system flags in the case of the RFC, `\Recent` left out, keywords in any case once, others refused. */
export function canonicalFlags(flags: readonly Flag[]): readonly Flag[] {
  const kept = new Map<string, Flag>();
  for (const flag of flags) {
    const folded = flag.toLowerCase();
    const system = SYSTEM.get(folded);
    if (system !== undefined) kept.set(folded, system);
    else if (flag.startsWith("\\")) {
      if (folded !== "\\recent") throw new StoreError("cannot", "There is no such system flag");
    } else if (!isKeyword(flag)) throw new StoreError("cannot", "This is no keyword");
    else if (!kept.has(folded)) kept.set(folded, flag);
  }
  return [...kept.values()];
}
