/**
 * Takes a message over: after `accept` it is on disk, whatever happens. When it rejects nothing was promised, and what may
 * have reached the disk all the same is declared void.
 */
import type { SpoolEnvelope } from "../contracts/spool.ts";
import { isInMemory, type StoredMessage } from "../kernel/message.ts";
import type { Bodies } from "./bodies.ts";
import type { DeferredFiles } from "./deferred-files.ts";
import { Entry } from "./entry.ts";
import { asSpoolFailure } from "./errors.ts";
import type { Journal } from "./journal.ts";
import { type DeferredName, neverDue } from "./layout.ts";
import type { Ledger } from "./ledger.ts";
import type { SpoolLimits } from "./limits.ts";
import type { AcceptMeta } from "./meta.ts";
import { type PreparedRecord, prepareRecord } from "./record.ts";
import { removeRecord } from "./saved-records.ts";

export interface AcceptingInit {
  readonly ledger: Ledger;
  readonly journal: Journal;
  readonly deferred: DeferredFiles;
  readonly bodies: Bodies;
  readonly limits: SpoolLimits;
  /** For work that nobody waits for. */
  readonly inBackground: (work: Promise<unknown>) => void;
}

export async function acceptMessage(
  init: AcceptingInit,
  envelope: SpoolEnvelope,
  message: StoredMessage,
): Promise<void> {
  const { id } = envelope;
  const { ledger, bodies } = init;
  const headerBytes = message.header.length;
  ledger.accepting.add(id);
  try {
    if (needsFile(message, init.limits)) {
      const bodyFile = await bodies.adopt(id, message.body);
      await write(init, { id, envelope, headerBytes, bodyFile }, [message.header]);
    } else {
      await write(init, { id, envelope, headerBytes, bodyFile: null }, inlinePieces(message));
    }
  } catch (error) {
    throw asSpoolFailure(error);
  } finally {
    ledger.accepting.delete(id);
  }
}

const firstDue = ({ hold }: SpoolEnvelope): number => (hold === null ? 0 : neverDue);

function needsFile(message: StoredMessage, limits: SpoolLimits): boolean {
  if (message.body.length === 0) return false;
  return message.sizeBytes > limits.memoryMessageBytes * 2 || !message.body.every(isInMemory);
}

function inlinePieces(message: StoredMessage): Uint8Array[] {
  const pieces = message.header.length > 0 ? [message.header] : [];
  for (const piece of message.body) if (isInMemory(piece) && piece.length > 0) pieces.push(piece);
  return pieces;
}

/** What may be on disk if it fails. */
interface Attempt {
  entry: Entry | null;
  hasFile: boolean;
}

async function write(init: AcceptingInit, meta: AcceptMeta, content: readonly Uint8Array[]): Promise<void> {
  const { ledger, journal } = init;
  const { id } = meta;
  const record = prepareRecord("accept", meta, content);
  const attempt: Attempt = { entry: null, hasFile: false };
  try {
    if (!journal.fits(record)) {
      attempt.hasFile = true;
      await writeFile(init, { dueAt: firstDue(meta.envelope), id }, record);
      return;
    }
    await journal.message(record, (segment, offset) => {
      const place = { at: "journal", segment, offset, sizeBytes: record.sizeBytes } as const;
      attempt.entry = new Entry(id, place, {
        ...{ dueAt: firstDue(meta.envelope), mayHaveBodyFile: meta.bodyFile !== null },
      });
      attempt.entry.pin(segment);
    });
    if (attempt.entry) ledger.add(attempt.entry);
  } catch (error) {
    init.inBackground(takeBack(init, meta, attempt));
    throw error;
  }
}

/** The record, or a file's name, may be on disk in spite of the failure: a later record says that it does not count. */
async function takeBack({ journal, bodies }: AcceptingInit, meta: AcceptMeta, attempt: Attempt): Promise<void> {
  attempt.entry?.unpinAll();
  if (attempt.entry || attempt.hasFile) await journal.remark(removeRecord(meta.id));
  if (meta.bodyFile) await bodies.remove(meta.id);
}

/** Too large for the journal (thousands of recipients): a file of its own at once. */
async function writeFile(
  { ledger, deferred, inBackground }: AcceptingInit,
  name: DeferredName,
  record: PreparedRecord,
) {
  try {
    const usedBytes = await deferred.create(name, [record]);
    await deferred.flushNames();
    const entry = new Entry(name.id, { at: "file", name, usedBytes }, { dueAt: name.dueAt });
    ledger.add(entry);
    ledger.isFiled(entry);
  } catch (error) {
    inBackground(deferred.remove(name));
    throw error;
  }
}
