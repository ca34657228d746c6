/**
 * Start: reads the journal's segments, oldest first, and folds their records into the ledger. Damage is set aside and
 * skipped; a record that nothing can be made of is damage, too. Throws only if the disk cannot be read at all.
 */
import { join } from "node:path";
import { briefOf } from "./brief.ts";
import type { SettingAside } from "./damaged.ts";
import { Entry, freshSchedule } from "./entry.ts";
import type { SpoolFiles } from "./files.ts";
import { isSpareName, type Layout, neverDue, parseSegmentName, segmentFileName } from "./layout.ts";
import { type Ledger, Overlay } from "./ledger.ts";
import { acceptMeta, holdMeta, parseMeta, rescheduleMeta, settleMeta } from "./meta.ts";
import { type Found, scanRecords } from "./scan.ts";
import { Segment } from "./segment.ts";

export interface ReplayInit {
  readonly files: SpoolFiles;
  readonly layout: Layout;
  readonly ledger: Ledger;
  readonly damaged: SettingAside;
  /** Whoever is about to list all of them need not read the journal twice. */
  readonly keepsBriefs?: boolean;
}

export interface Replayed {
  readonly segments: readonly Segment[];
  readonly spares: readonly string[];
  /** Something confirmed could not be read: nothing that looks orphaned is to be deleted now. */
  readonly isDamaged: boolean;
}

export async function replayJournal(init: ReplayInit): Promise<Replayed> {
  const { files, layout } = init;
  const names = await files.names(layout.journal);
  const segmentNames = names.flatMap((name) => parseSegmentName(name) ?? []).sort((a, b) => a.sequence - b.sequence);
  const segments: Segment[] = [];
  let isDamaged = false;
  for (const name of segmentNames) {
    const bytes = await readWhole(files, join(layout.journal, segmentFileName(name)));
    const segment = Segment.toRead(files, layout.journal, name, bytes.length);
    segments.push(segment);
    for (const found of scanRecords(bytes, name.nonce)) {
      if (found.at === "record" && fold(init, segment, found)) continue;
      isDamaged = true;
      await setAside(init, segment, bytes, found);
    }
  }
  return { segments, spares: names.filter(isSpareName), isDamaged };
}

async function readWhole(files: SpoolFiles, path: string): Promise<Buffer> {
  const fd = await files.openRead(path);
  try {
    const bytes = Buffer.allocUnsafe(await files.sizeBytes(fd));
    return bytes.subarray(0, await files.read(fd, bytes, 0));
  } finally {
    await files.close(fd);
  }
}

/** `false`: the record makes no sense. */
function fold({ ledger, keepsBriefs }: ReplayInit, segment: Segment, found: Found & { at: "record" }): boolean {
  try {
    const meta = parseMeta(found.meta);
    const { id } = meta;
    switch (found.type) {
      case "accept": {
        const { bodyFile, envelope } = acceptMeta(meta);
        const { offset, sizeBytes } = found;
        const place = { at: "journal", segment, offset, sizeBytes } as const;
        if (ledger.entries.has(id)) return true;
        const dueAt = envelope.hold === null ? 0 : neverDue;
        const entry = new Entry(id, place, { dueAt, mayHaveBodyFile: bodyFile !== null });
        entry.pin(segment);
        ledger.add(entry);
        if (keepsBriefs) {
          const messageBytes = found.content.length + (bodyFile?.length ?? 0);
          entry.keepBrief(briefOf(envelope, messageBytes, { ...freshSchedule(dueAt), outcomes: {} }));
        }
        return true;
      }
      case "settle": {
        const { recipientId, outcome } = settleMeta(meta);
        targetOf(ledger, id, segment)?.settle(recipientId, outcome);
        return true;
      }
      case "reschedule": {
        const { attempts, dueAt, lastReply, warnedAt } = rescheduleMeta(meta);
        targetOf(ledger, id, segment)?.putOff({ attempts, dueAt, lastReply, warnedAt });
        return true;
      }
      case "hold": {
        targetOf(ledger, id, segment)?.setHold(holdMeta(meta).reason);
        return true;
      }
      case "remove": {
        const entry = ledger.entries.get(id);
        entry?.unpinAll();
        if (entry) ledger.drop(entry);
        ledger.overlays.delete(id);
        ledger.finished.add(id);
        return true;
      }
    }
  } catch {
    // Whatever is wrong with it (JSON, a missing field): it is set aside by the caller.
    return false;
  }
}

function targetOf(ledger: Ledger, id: string, segment: Segment): Entry | Overlay | null {
  const entry = ledger.entries.get(id);
  if (entry) {
    entry.pin(segment);
    return entry;
  }
  if (ledger.finished.has(id)) return null;
  let overlay = ledger.overlays.get(id);
  if (!overlay) {
    overlay = new Overlay();
    ledger.overlays.set(id, overlay);
  }
  overlay.segments.add(segment);
  return overlay;
}

async function setAside({ damaged }: ReplayInit, segment: Segment, bytes: Buffer, found: Found): Promise<void> {
  const end = found.at === "record" ? found.offset + found.sizeBytes : found.end;
  await damaged.keepBytes(bytes.subarray(found.offset, end), {
    name: `${segmentFileName(segment.name)}.${found.offset}`,
    id: idOf(found.meta),
    wasDurable: found.at === "record" || found.wasDurable,
  });
}

function idOf(meta: Buffer | null): string | null {
  if (!meta) return null;
  try {
    return parseMeta(meta).id;
  } catch {
    // The name of a damaged message is a courtesy to the log.
    return null;
  }
}
