/** One LMDB environment with named tables. What fails here is passed on as it is; `isDamage` knows what means a damaged file. */
import type { Database, RootDatabase } from "lmdb";

export type Table = Database<Buffer, Buffer>;

interface Opened {
  readonly directory: string;
  /** All or nothing, on this thread; no other process writes meanwhile. */
  transact<R>(work: () => R): R;
  /** From now on reads see what other processes have written. */
  refresh(): void;
  /** Readers that were killed keep pages from being used again: forgets them. */
  forgetDeadReaders(): void;
  usedBytes(): number;
  lastTransaction(): number;
  flush(): Promise<void>;
  /** A copy in order and without gaps, into a directory of its own. */
  copyTo(directory: string): Promise<void>;
  close(): Promise<void>;
}

export type Environment<Name extends string> = Opened & Readonly<Record<Name, Table>>;

export const DATA_FILE = "data.mdb";

/**
 * MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_PANIC, MDB_VERSION_MISMATCH, MDB_INVALID, MDB_INCOMPATIBLE, MDB_BAD_DBI; and what LMDB says
 * when its pages make no sense: MDB_CURSOR_FULL, MDB_PAGE_FULL, MDB_BAD_TXN, MDB_PROBLEM.
 */
const DAMAGE: ReadonlySet<unknown> = new Set([
  -30796, -30797, -30795, -30794, -30793, -30784, -30780, -30787, -30786, -30782, -30779,
]);

/** Records that cannot be decoded are damage, too. What callers throw never comes here. */
export const isDamage = (cause: unknown): boolean =>
  cause instanceof SyntaxError ||
  cause instanceof RangeError ||
  (cause instanceof Error && "code" in cause && DAMAGE.has(cause.code));

interface Stats {
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}
interface RootStats extends Stats {
  readonly pageSize: number;
  readonly lastTxnId: number;
  readonly root: Stats;
  readonly free: Stats;
}

const pagesOf = ({ treeBranchPageCount, treeLeafPageCount, overflowPages }: Stats): number =>
  treeBranchPageCount + treeLeafPageCount + overflowPages;

const BINARY = { keyEncoding: "binary", encoding: "binary" } as const;

/** `mapBytes`: how large it may become at most. */
export async function openEnvironment<Name extends string>(
  directory: string,
  { tables: names, mapBytes }: { readonly tables: readonly Name[]; readonly mapBytes: number },
): Promise<Environment<Name>> {
  // Only servers that keep something in it pay for the native library.
  const { open } = await import("lmdb");
  const root: RootDatabase<Buffer, Buffer> = open({
    ...BINARY,
    path: directory,
    maxDbs: names.length + 2,
    mapSize: mapBytes,
    // See ADR 7: the page cache survives the process, and a power cut is found by the boot's id.
    noSync: process.platform === "linux",
    permissionsMode: 0o600,
  } as Parameters<typeof open>[0] & { path: string });
  const statsOf = (table: Table): RootStats => table.getStats() as RootStats;
  try {
    const opened = names.map((name) => [name, root.openDB<Buffer, Buffer>(name, BINARY)] as const);
    return {
      ...(Object.fromEntries(opened) as Record<Name, Table>),
      directory,
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
        const { pageSize, root: main, free } = statsOf(root);
        const pages = [main, free, ...opened.map(([, table]) => statsOf(table))].map(pagesOf);
        return pages.reduce((sum, count) => sum + count, 0) * pageSize;
      },
      lastTransaction: () => statsOf(root).lastTxnId,
      flush: () => flush(root),
      copyTo: (place) => root.backup(place, true),
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
