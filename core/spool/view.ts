/**
 * The spool of a server that is stopped, to be looked at: nothing in it is written, moved or set aside, except that the catalogue learns what only
 * files knew. Whoever wants to change something opens it with `openSpool`. Throws `DirectoryInUse` if another process has the directory.
 */
import type { Log } from "../contracts/log.ts";
import type { Spool } from "../contracts/spool.ts";
import { lockDirectory } from "../kernel/directory-lock.ts";
import { Bodies } from "./bodies.ts";
import { Catalogue } from "./catalogue.ts";
import type { SettingAside } from "./damaged.ts";
import { DeferredFiles } from "./deferred-files.ts";
import { realFiles, type SpoolFiles } from "./files.ts";
import { layoutOf } from "./layout.ts";
import { Ledger } from "./ledger.ts";
import { listWaiting } from "./listing.ts";
import { replayJournal } from "./replay.ts";
import { countNames } from "./survey.ts";

export interface SpoolViewInit {
  /** Absolute. */
  readonly dir: string;
  readonly log: Log;
  /** The disk; another one only in tests. */
  readonly files?: SpoolFiles;
}

export type SpoolView = Pick<Spool, "list" | "close">;

export async function viewSpool({ dir, log, files = realFiles }: SpoolViewInit): Promise<SpoolView> {
  const layout = layoutOf(dir);
  const lock = await lockDirectory(layout.root);
  try {
    const ledger = new Ledger();
    const deferred = new DeferredFiles(files, layout, ledger.filed);
    const catalogue = new Catalogue({ files, layout, log, filed: ledger.filed });
    const bodies = new Bodies(files, layout);
    const { segments } = await replayJournal({ files, layout, ledger, damaged: leftAlone, keepsBriefs: true });
    await countNames({ ledger, deferred });
    return {
      list: () => listWaiting({ ledger, deferred, catalogue, bodies, damaged: leftAlone, log }),
      async close() {
        await catalogue.close();
        for (const segment of segments) await segment.close();
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** The next start sets it aside, and says so. */
const leftAlone: SettingAside = { keepBytes: async () => undefined, keepFile: async () => undefined };
