/**
 * Opens a spool directory: takes the lock, replays the journal, begins a fresh segment; names in `deferred/` are looked at in
 * the background. Throws `DirectoryInUse` if another process has the directory, and what the disk says if it cannot be used.
 */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { Spool } from "../contracts/spool.ts";
import { lockDirectory } from "../kernel/directory-lock.ts";
import { Bodies } from "./bodies.ts";
import { Catalogue } from "./catalogue.ts";
import { Damaged } from "./damaged.ts";
import { DeferredFiles } from "./deferred-files.ts";
import { SegmentEmptying } from "./emptying.ts";
import { realFiles, type SpoolFiles } from "./files.ts";
import { Journal } from "./journal.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { Ledger } from "./ledger.ts";
import { type SpoolLimits, spoolLimits } from "./limits.ts";
import { RecentMessages } from "./recent.ts";
import { replayJournal } from "./replay.ts";
import { Room } from "./room.ts";
import { Segments } from "./segments.ts";
import { FileSpool } from "./spool.ts";
import { surveyDeferred } from "./survey.ts";

export interface SpoolInit {
  /** Absolute; made if missing. One process at a time. */
  readonly dir: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly limits?: Partial<SpoolLimits>;
  /** The disk; another one only in tests. */
  readonly files?: SpoolFiles;
}

export async function openSpool(init: SpoolInit): Promise<Spool> {
  const layout = layoutOf(init.dir);
  await makeDirectories(layout);
  const lock = await lockDirectory(layout.root);
  try {
    return await openLocked(init, layout, lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openLocked(init: SpoolInit, layout: Layout, lock: Awaited<ReturnType<typeof lockDirectory>>) {
  const { log, clock, files = realFiles } = init;
  const limits = spoolLimits(init.limits);
  await files.flushDirectory(layout.root);
  await files.flushDirectory(dirname(layout.root));
  const recent = new RecentMessages(limits.cacheBytes);
  const ledger = new Ledger((id) => recent.forget(id));
  const damaged = new Damaged(files, layout, log);
  const deferred = new DeferredFiles(files, layout, ledger.filed);
  const catalogue = new Catalogue({ files, layout, log, filed: ledger.filed });
  const bodies = new Bodies(files, layout);
  const room = new Room({ files, directory: layout.root, limits, clock });
  await room.refresh();
  await bodies.clearIncoming();
  const bodyNames = await files.names(layout.bodies);
  const { segments: found, spares, isDamaged } = await replayJournal({ files, layout, ledger, damaged });
  const segments = new Segments({ files, layout, limits, log, clock, found, spares });
  const journal = new Journal(segments, await segments.begin());
  const emptying = new SegmentEmptying({ ledger, deferred, bodies, damaged, catalogue, now: () => clock.now() });
  const surveyed = surveyDeferred({ files, layout, ledger, deferred, log, isDamaged, bodies: bodyNames }).then(() => {
    segments.allowEmptying((segment) => emptying.empty(segment));
    segments.prepare();
  });
  surveyed.catch((error: unknown) => {
    segments.forbidEmptying();
    log.error({ error: String(error) }, "spool: the names of deferred messages could not be read");
  });
  return new FileSpool({
    ...{
      files,
      limits,
      log,
      ledger,
      segments,
      journal,
      deferred,
      bodies,
      damaged,
      catalogue,
      room,
      recent,
      lock,
      surveyed,
    },
  });
}

async function makeDirectories(layout: Layout): Promise<void> {
  await mkdir(layout.root, { recursive: true, mode: 0o700 });
  for (const directory of [layout.journal, layout.deferred, layout.incoming, layout.bodies, layout.damaged]) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  }
}
