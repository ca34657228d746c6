/** One shard: an LMDB environment with four tables. What fails here is passed on as it is; `isDamage` of core/kv knows what means a damaged file. */
import type { Database, RootDatabase } from "lmdb";

export type Table = Database<Buffer, Buffer>;

/** heads: what is known of a mailbox as a whole. messages: one record each. journal: what each commit changed. details: what was read out of messages. */
export const TABLES = ["heads", "messages", "journal", "details"] as const;

export interface ShardEnvironment {
  readonly directory: string;
  readonly heads: Table;
  readonly messages: Table;
  readonly journal: Table;
  readonly details: Table;
  /** All or nothing, on this thread; no other process writes meanwhile. */
  transact<R>(work: () => R): R;
  /** From now on reads see what other processes have written. */
  refresh(): void;
  /** Readers that were killed keep pages from being used again: forgets them. */
  forgetDeadReaders(): void;
  usedBytes(): number;
  flush(): Promise<void>;
  close(): Promise<void>;
}

interface Stats {
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}
interface RootStats extends Stats {
  readonly pageSize: number;
  readonly root: Stats;
}

const pagesOf = ({ treeBranchPageCount, treeLeafPageCount, overflowPages }: Stats): number =>
  treeBranchPageCount + treeLeafPageCount + overflowPages;

export async function openShardEnvironment(directory: string, mapBytes: number): Promise<ShardEnvironment> {
  // Only servers with mailboxes pay for the native library.
  const { open } = await import("lmdb");
  const binary = { keyEncoding: "binary", encoding: "binary" } as const;
  const root: RootDatabase<Buffer, Buffer> = open({
    ...binary,
    path: directory,
    maxDbs: TABLES.length + 2,
    mapSize: mapBytes,
    // The page cache survives the process; after a crash of the machine nothing of it is used.
    noSync: process.platform === "linux",
    permissionsMode: 0o600,
  } as Parameters<typeof open>[0] & { path: string });
  const statsOf = (table: Table): RootStats => table.getStats() as RootStats;
  try {
    const [heads, messages, journal, details] = TABLES.map((name) => root.openDB<Buffer, Buffer>(name, binary)) as [
      Table,
      Table,
      Table,
      Table,
    ];
    return {
      ...{ directory, heads, messages, journal, details },
      transact<R>(work: () => R): R {
        const result: { value?: R } = {};
        root.transactionSync(() => {
          // A promise as result would keep the transaction open until it resolves.
          result.value = work();
        });
        return result.value as R;
      },
      refresh: () => root.resetReadTxn(),
      forgetDeadReaders: () => void root.readerCheck(),
      usedBytes() {
        const whole = statsOf(heads);
        const pages = [whole, whole.root, ...[messages, journal, details].map(statsOf)].map(pagesOf);
        return pages.reduce((sum, count) => sum + count, 0) * whole.pageSize;
      },
      flush: () => flush(root),
      close: () => root.close(),
    };
  } catch (cause) {
    await root.close();
    throw cause;
  }
}

/** lmdb's own type leaves this one out. */
function flush(root: object): Promise<void> {
  const { sync } = root as { sync(done: (error: unknown) => void): void };
  return new Promise((resolve, reject) => sync.call(root, (error) => (error ? reject(error) : resolve())));
}
