/** A store over files as the suite wants it: a home of its own, and an index that all its processes share, or none. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MailboxIndex } from "../../contracts/mailbox-index.ts";
import type { MailboxStore } from "../../contracts/mailbox-store.ts";
import type { Quotas } from "../../contracts/quota.ts";
import { temporaryMailboxIndex } from "../temporary-mailbox-index.ts";
import type { MakeStore } from "./rig.ts";

export interface StoreOnDisk {
  /** Without it each process numbers changes by itself. */
  readonly isIndexed: boolean;
  /** Exports `openStore`, for tests with processes that are killed. Left out: there are none. */
  readonly module?: URL;
  /** A store as one process has it. */
  make(how: {
    /** Accounts have their homes in it. */
    readonly home: string;
    readonly quotas: Quotas | null;
    readonly index: MailboxIndex | null;
  }): MailboxStore & { readonly stop: () => void };
}

export const storeOnDisk =
  ({ isIndexed, module, make }: StoreOnDisk): MakeStore =>
  async ({ quotas = null } = {}) => {
    const home = await mkdtemp(join(tmpdir(), "postern-store-"));
    const index = isIndexed ? await temporaryMailboxIndex() : null;
    const stores: ReturnType<typeof make>[] = [];
    const again = () => {
      const store = make({ home, quotas, index: index?.open() ?? null });
      stores.push(store);
      return store;
    };
    return {
      ...{ store: again(), home, sharesModseqs: isIndexed },
      ...(module && { elsewhere: { module: module.href, indexDirectory: index?.directory ?? null, config: null } }),
      again: async () => again(),
      async stop() {
        for (const store of stores) store.stop();
        await index?.remove();
        await rm(home, { recursive: true });
      },
    };
  };
