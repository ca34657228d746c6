/** What mailboxes hold, by listing them: sizes from names, from the file where the name has none. For counting anew, not for the mail path. */

import { statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Usage } from "postern/plugin";
import { Breather, errnoOf } from "postern/store";
import { sizesIn } from "./file-name.ts";
import type { MailboxTree } from "./mailbox-tree.ts";

/** Of one mailbox; octets on disk, as Dovecot counts them. Nothing where it is gone. */
export async function usageOf(directory: string): Promise<Usage> {
  const breather = new Breather();
  let bytes = 0;
  let messages = 0;
  for (const where of ["new", "cur"]) {
    for (const name of await namesIn(join(directory, where))) {
      if (name.startsWith(".")) continue;
      if (breather.isDue) await breather.pause();
      const size =
        sizesIn(name).diskBytes ?? statSync(join(directory, where, name), { throwIfNoEntry: false })?.size ?? null;
      if (size === null) continue;
      bytes += size;
      messages++;
    }
  }
  return { bytes, messages };
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return [];
    throw cause;
  }
}

/** Of all mailboxes that count. */
export async function usageOfAll(tree: MailboxTree, ignores: (mailbox: string) => boolean): Promise<Usage> {
  let [bytes, messages] = [0, 0];
  for (const name of tree.names()) {
    if (ignores(name)) continue;
    const one = await usageOf(tree.pathOf(name));
    bytes += one.bytes;
    messages += one.messages;
  }
  return { bytes, messages };
}
