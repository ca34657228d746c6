/** What mailboxes hold, by listing them: sizes from names, from the file where the name has none. For counting anew, not for the mail path. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { QuotaRule, Usage, UsageLedger } from "postern/plugin";
import { errnoOf } from "./errors.ts";
import { sizesIn } from "./file-name.ts";
import type { MailboxTree } from "./mailbox-tree.ts";

/** Of one mailbox; octets on disk, as Dovecot counts them. Nothing where it is gone. */
export function usageOf(directory: string): Usage {
  let bytes = 0;
  let messages = 0;
  for (const where of ["new", "cur"]) {
    for (const name of namesIn(join(directory, where))) {
      if (name.startsWith(".")) continue;
      const size =
        sizesIn(name).diskBytes ?? statSync(join(directory, where, name), { throwIfNoEntry: false })?.size ?? null;
      if (size === null) continue;
      bytes += size;
      messages++;
    }
  }
  return { bytes, messages };
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return [];
    throw cause;
  }
}

/** Of all mailboxes that count. */
export function usageOfAll(tree: MailboxTree, ignores: (mailbox: string) => boolean): Usage {
  let [bytes, messages] = [0, 0];
  for (const name of tree.names()) {
    if (ignores(name)) continue;
    const one = usageOf(tree.pathOf(name));
    bytes += one.bytes;
    messages += one.messages;
  }
  return { bytes, messages };
}

/** Counts whenever it is asked. */
export class ListedUsage implements UsageLedger {
  readonly #tree: MailboxTree;
  readonly #rule: Pick<QuotaRule, "ignores">;

  constructor(tree: MailboxTree, rule: Pick<QuotaRule, "ignores">) {
    this.#tree = tree;
    this.#rule = rule;
  }

  read(): Usage {
    return usageOfAll(this.#tree, (mailbox) => this.#rule.ignores(mailbox));
  }

  add(): void {}

  recount(): Promise<Usage> {
    return Promise.resolve(this.read());
  }
}
