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

export function outcomesOf(folder: Folder, { mode, flags: changes }: Pick<FlagChange, "mode" | "flags">): Outcomes {
  const names = folder.keywords.names;
  const wanted = new Set(changes.map((flag) => flag.toLowerCase()));
  const known = new Map<string, Outcome>();
  const after = (letters: string): string => {
    const others = otherLetters(letters, names);
    if (mode === "replace") return lettersFor(changes, names, others);
    const flags = new Set(folder.flagsOf(`:2,${letters}`));
    if (mode === "add") for (const flag of changes) flags.add(flag);
    else for (const flag of flags) if (wanted.has(flag.toLowerCase())) flags.delete(flag);
    return lettersFor(flags, names, others);
  };
  return (name) => {
    const letters = lettersOf(name);
    const found = known.get(letters);
    if (found) return found;
    const changed = after(letters);
    const outcome = { letters: changed, flags: folder.flagsOf(`:2,${changed}`), isSame: changed === letters };
    if (known.size < MAX_KNOWN) known.set(letters, outcome);
    return outcome;
  };
}
