/** What an account's mailboxes hold, by their indexes; one that has none is read. */
import type { QuotaRule, Usage, UsageLedger } from "postern/plugin";
import { exists, type Home, mailboxNames, placeOfName } from "./hierarchy.ts";
import type { Site } from "./site.ts";

/** Octets as fetched. */
export async function usageOfAll(home: Home, site: Site, ignores: (mailbox: string) => boolean): Promise<Usage> {
  let [bytes, messages] = [0, 0];
  for (const name of mailboxNames(home)) {
    if (ignores(name) || !exists(home, name)) continue;
    const snapshot = await site.folders.at(placeOfName(home, name), site).sync();
    bytes += snapshot.sizeBytes;
    messages += snapshot.size;
  }
  return { bytes, messages };
}

/** Counts whenever it is asked. */
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
