/**
 * Two directories that stand for one name, as one program spelt it in modified UTF-7 and another in UTF-8: only the one that is spelt as the
 * configuration says is shown. Repairing gives the other a name of its own, with its mail and its UIDs.
 */
import { renameSync } from "node:fs";
import { basename } from "node:path";
import type { Defect } from "postern/plugin";
import type { MailboxTree } from "./mailbox-tree.ts";

const MAX_TRIES = 1_000;

export function inspectTwins(
  tree: MailboxTree,
  name: string,
  { repair }: { readonly repair: boolean },
): readonly Defect[] {
  return tree.twinsOf(name).map((path): Defect => {
    const text = `${basename(path)} stands for ${name}, too: its mail is not shown`;
    const free = repair ? freeName(tree, name) : null;
    if (free === null) return { kind: "wrong-name", text, uid: null, done: null };
    renameSync(path, tree.newPathOf(free));
    return { kind: "wrong-name", text, uid: null, done: `it is the mailbox ${free} now` };
  });
}

function freeName(tree: MailboxTree, name: string): string | null {
  const taken = new Set(tree.names());
  for (let count = 2; count < MAX_TRIES; count++) if (!taken.has(`${name}-${count}`)) return `${name}-${count}`;
  return null;
}
