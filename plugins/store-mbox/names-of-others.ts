/** Where other programs make mailboxes of an account: every directory below its own, as a mailbox that gets children becomes one. */
import { join } from "node:path";
import type { NamesOfAccount } from "postern/store";
import { entriesOf } from "./hierarchy.ts";
import { MESSAGES, stepOf } from "./mailbox-name.ts";
import { SUBSCRIPTIONS } from "./subscriptions.ts";

export const namesOfOthers = (root: string): NamesOfAccount => ({
  holders: () => directoriesFrom(root),
  mayName: (entry) => entry === SUBSCRIPTIONS || entry === MESSAGES || stepOf(entry) !== null,
});

/** Those above in front of those below. */
function* directoriesFrom(root: string): Generator<string> {
  const found = [root];
  for (const directory of found) {
    yield directory;
    for (const entry of entriesOf(directory))
      if (entry.isDirectory() && stepOf(entry.name) !== null) found.push(join(directory, entry.name));
  }
}
