/**
 * Special uses (RFC 6154): those that were given stand in a file of their own, lines of `<use> <name in modified UTF-7>`; a mailbox
 * with a usual name has its use by that, unless `-` stands there.
 */
import { type SpecialUse, StoreError } from "../contracts/mailbox-store.ts";
import { decodeModifiedUtf7, encodeModifiedUtf7 } from "../mail/modified-utf7.ts";
import { changeText, readText } from "./small-file.ts";

export type SpecialUses = ReadonlyMap<string, SpecialUse>;
/** `null`: none, whatever the name. */
type GivenUses = Map<string, SpecialUse | null>;

const USES: readonly SpecialUse[] = [
  ...(["\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Important", "\\Junk", "\\Sent", "\\Trash"] as const),
];

export const isSpecialUse = (text: string): text is SpecialUse => USES.some((use) => use === text);

function parse(text: string): GivenUses {
  const uses: GivenUses = new Map();
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    const use = line.slice(0, space);
    const name = decodeModifiedUtf7(line.slice(space + 1));
    if (name && (use === "-" || isSpecialUse(use))) uses.set(name, use === "-" ? null : use);
  }
  return uses;
}

const format = (uses: ReadonlyMap<string, SpecialUse | null>): string =>
  [...uses].map(([name, use]) => `${use ?? "-"} ${encodeModifiedUtf7(name)}\n`).join("");

/** Each use once: what was asked for first, then usual names. */
export function specialUsesIn(
  file: string,
  names: readonly string[],
  usual: Readonly<Record<string, string>>,
): SpecialUses {
  const given = parse(readText(file));
  const uses = new Map([...given].flatMap(([name, use]) => (use === null ? [] : [[name, use] as const])));
  const taken = new Set(uses.values());
  for (const name of names) {
    const use = usual[name];
    if (use === undefined || !isSpecialUse(use) || taken.has(use) || given.has(name)) continue;
    uses.set(name, use);
    taken.add(use);
  }
  return uses;
}

/** RFC 6154 3: one mailbox for each use. */
export function giveSpecialUse(file: string, name: string, use: SpecialUse | null): Promise<void> {
  return changeText(file, (text) => {
    const uses = parse(text);
    for (const [other, its] of uses) {
      if (use !== null && its === use && other !== name) throw new StoreError("cannot", "Another mailbox has this use");
    }
    return format(uses.set(name, use));
  });
}

/** Follows a mailbox to its new name, or forgets it (`null`). */
export async function moveSpecialUses(file: string, rename: (name: string) => string | null): Promise<void> {
  if (readText(file) === "") return;
  await changeText(file, (text) => {
    const uses: GivenUses = new Map();
    for (const [name, use] of parse(text)) {
      const next = rename(name);
      if (next !== null) uses.set(next, use);
    }
    return format(uses);
  });
}
