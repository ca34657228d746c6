/** Which flags somebody may change (RFC 4314 2.1: `s` \Seen, `t` \Deleted, `w` all others). */
import type { Flag, FlagChange } from "../contracts/mailbox-store.ts";
import type { Right, Rights } from "../mail/acl-rights.ts";

const rightFor = (flag: Flag): Right => {
  const name = flag.toLowerCase();
  return name === "\\seen" ? "s" : name === "\\deleted" ? "t" : "w";
};

export const isSeenFlag = (flag: Flag): boolean => flag.toLowerCase() === "\\seen";

export const settableFlags = (flags: readonly Flag[], rights: Rights): readonly Flag[] =>
  flags.filter((flag) => rights.has(rightFor(flag)));

const systemFlags: readonly Flag[] = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];

/** A change without flags that must stay as they are: what is to be taken away, and what is to be added. */
export interface AllowedChange {
  readonly remove: readonly Flag[];
  readonly add: readonly Flag[];
}

/**
 * `null`: nothing of it is allowed. RFC 4314 4: where some of the flags may be changed, those are, and the command does not fail.
 * `keywords` are those in use.
 */
export function allowedChange(
  { mode, flags }: FlagChange,
  rights: Rights,
  keywords: readonly string[],
): AllowedChange | null {
  const settable = settableFlags(flags, rights);
  if (mode === "replace") {
    const all = settableFlags([...systemFlags, ...keywords], rights);
    if (!["s", "t", "w"].some((right) => rights.has(right as Right))) return null;
    const kept = new Set(settable.map((flag) => flag.toLowerCase()));
    return { remove: all.filter((flag) => !kept.has(flag.toLowerCase())), add: settable };
  }
  if (flags.length > 0 && settable.length === 0) return null;
  return mode === "add" ? { remove: [], add: settable } : { remove: settable, add: [] };
}
