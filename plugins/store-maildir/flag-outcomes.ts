/** What a change of flags makes of a message's letters. Few differ in one mailbox, so each is worked out once. */
import type { Flag, FlagChange } from "postern/plugin";
import { lettersOf } from "./file-name.ts";
import { lettersFor, otherLetters } from "./flags.ts";
import type { Folder } from "./folder.ts";

export interface Outcome {
  readonly letters: string;
  readonly flags: ReadonlySet<Flag>;
  /** Whether the letters stay as they are. */
  readonly isSame: boolean;
}

/** The outcome for a file, by its name. */
export type Outcomes = (name: string) => Outcome;

const MAX_KNOWN = 4_096;

/** Of one change behind another. */
export function inTurn(first: Outcomes, then: Outcomes): Outcomes {
  return byLetters((letters) => then(`:2,${first(`:2,${letters}`).letters}`));
}

/** `outcome` answers what its own change makes of letters; here they are compared with those that the file has. */
function byLetters(outcome: (letters: string) => Pick<Outcome, "letters" | "flags">): Outcomes {
  const known = new Map<string, Outcome>();
  return (name) => {
    const before = lettersOf(name);
    const found = known.get(before);
    if (found) return found;
    const { letters, flags } = outcome(before);
    const result = { letters, flags, isSame: letters === before };
    if (known.size < MAX_KNOWN) known.set(before, result);
    return result;
  };
}

export function outcomesOf(folder: Folder, { mode, flags: changes }: Pick<FlagChange, "mode" | "flags">): Outcomes {
  const names = folder.keywords.names;
  const wanted = new Set(changes.map((flag) => flag.toLowerCase()));
  const after = (letters: string): string => {
    const others = otherLetters(letters, names);
    if (mode === "replace") return lettersFor(changes, names, others);
    const flags = new Set(folder.flagsOf(`:2,${letters}`));
    if (mode === "add") for (const flag of changes) flags.add(flag);
    else for (const flag of flags) if (wanted.has(flag.toLowerCase())) flags.delete(flag);
    return lettersFor(flags, names, others);
  };
  return byLetters((before) => {
    const letters = after(before);
    return { letters, flags: folder.flagsOf(`:2,${letters}`) };
  });
}
