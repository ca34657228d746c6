/** Special uses (RFC 6154 2, RFC 8457 3) as clients write them. */
import type { SpecialUse } from "postern/plugin";

const uses: ReadonlyMap<string, SpecialUse> = new Map(
  (["\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Important", "\\Junk", "\\Sent", "\\Trash"] as const).map(
    (use) => [use.toLowerCase(), use],
  ),
);

/** `undefined` if there is no such use. */
export const specialUseCalled = (word: string): SpecialUse | undefined => uses.get(word.toLowerCase());
