/** What an account's mailboxes hold, by their indexes; one that has none is read. */
import type { QuotaRule, Usage, UsageLedger } from "postern/plugin";
import type { Folder } from "./folder.ts";
import { exists, type Home, mailboxNames, placeOfName } from "./hierarchy.ts";
import { knownUsage } from "./index-sync.ts";
import type { Site } from "./site.ts";

/** Octets as fetched. */
export async function usageOfAll(home: Home, site: Site, ignores: (mailbox: string) => boolean): Promise<Usage> {
  let [bytes, messages] = [0, 0];
  for (const name of mailboxNames(home)) {
    if (ignores(name) || !exists(home, name)) continue;
    const usage = await usageOf(site.folders.at(placeOfName(home, name), site));
    bytes += usage.bytes;
    messages += usage.messages;
  }
  return { bytes, messages };
}

/** What is in the file now, whoever put it there. */
async function usageOf(folder: Folder): Promise<Usage> {
  const known = await knownUsage(folder);
  if (known) return known;
  const { size } = await folder.sync();
  return { bytes: folder.state.sizeBytes, messages: size };
}

/** Adds up what each mailbox is known to hold: one that has changed since is looked into, and no other. */
export class IndexedUsage implements UsageLedger {
  readonly #home: Home;
  readonly #site: Site;
  readonly #rule: Pick<QuotaRule, "ignores">;

  constructor(home: Home, site: Site, rule: Pick<QuotaRule, "ignores">) {
    this.#home = home;
    this.#site = site;
    this.#rule = rule;
  }

  read(): Promise<Usage> {
    return usageOfAll(this.#home, this.#site, (mailbox) => this.#rule.ignores(mailbox));
  }

  add(): void {}

  recount(): Promise<Usage> {
    return this.read();
  }
}
