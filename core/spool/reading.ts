/** Reads one message from where it lies. Answers `null` if it is gone; throws `SPOOL_DAMAGED` after setting damage aside. */
import type { SpoolEntry, SpoolOutcome } from "../contracts/spool.ts";
import { createMessage, type StoredMessage } from "../kernel/message.ts";
import { type Bodies, isDamage } from "./bodies.ts";
import { type Brief, briefOf } from "./brief.ts";
import type { SettingAside } from "./damaged.ts";
import type { DeferredFiles, DeferredRecord } from "./deferred-files.ts";
import { type Entry, freshSchedule, type Hold, type Place, type Schedule } from "./entry.ts";
import { isMissing, SpoolError } from "./errors.ts";
import { segmentFileName } from "./layout.ts";
import type { Ledger } from "./ledger.ts";
import { type AcceptMeta, acceptMeta, holdMeta, parseMeta, rescheduleMeta, settleMeta } from "./meta.ts";
import { readHeader, readPayload } from "./record.ts";

export interface ReadingInit {
  readonly ledger: Ledger;
  readonly deferred: DeferredFiles;
  readonly bodies: Bodies;
  readonly damaged: SettingAside;
}

export async function readEntry(init: ReadingInit, entry: Entry): Promise<SpoolEntry | null> {
  const { place } = entry;
  return guarded(init, entry, () =>
    place.at === "journal"
      ? fromJournal(init, entry, place)
      : entry.inTurn(() => loaded(init, entry, (accept, facts) => assemble(init, entry, accept, facts))),
  );
}

async function guarded<T>(init: ReadingInit, entry: Entry, work: () => Promise<T | null>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (entry.isRemoved) return null;
    if (isDamage(error)) await setAside(init, entry, error);
    throw error;
  }
}

/** The same without the body: `null` if it is gone. Rejects as `readEntry` does. */
export async function readBrief(init: ReadingInit, entry: Entry): Promise<Brief | null> {
  if (entry.place.at === "journal") {
    const found = await readEntry(init, entry);
    return found && briefOf(found.envelope, found.message.sizeBytes, found.state);
  }
  return guarded(init, entry, () =>
    entry.inTurn(() =>
      loaded(init, entry, async (accept, facts) => {
        const meta = readMeta(entry.id, accept.meta);
        const { envelope, state } = factsOf(entry, meta, facts);
        return briefOf(envelope, sizeOf(accept, meta), state);
      }),
    ),
  );
}

/** What stands in the first bytes of a journal record; `null`: it cannot be told from them, or they are damaged. */
export function briefAt(entry: Entry, bytes: Buffer): Brief | null {
  const { place } = entry;
  if (place.at !== "journal") return null;
  const header = readHeader(bytes, 0, place.segment.name.nonce, place.offset);
  const meta = header && readPayload(bytes, 0, header).meta;
  if (!header || !meta) return null;
  try {
    const accept = readMeta(entry.id, meta);
    const { envelope, state } = factsOf(entry, accept, []);
    return briefOf(envelope, header.contentBytes + (accept.bodyFile?.length ?? 0), state);
  } catch {
    // Whoever reads the whole record says what is wrong with it.
    return null;
  }
}

async function fromJournal(init: ReadingInit, entry: Entry, place: Place & { at: "journal" }): Promise<SpoolEntry> {
  const bytes = await place.segment.read(place.offset, place.sizeBytes);
  const header = readHeader(bytes, 0, place.segment.name.nonce, place.offset);
  const payload = header && readPayload(bytes, 0, header);
  if (!payload?.meta || !payload.content) throw new SpoolError("SPOOL_DAMAGED", "a journal record cannot be read");
  return assemble(init, entry, { type: "accept", meta: payload.meta, content: payload.content }, []);
}

/** Call it in the entry's turn. `null` if the file is gone. */
async function loaded<T>(
  init: ReadingInit,
  entry: Entry,
  use: (accept: DeferredRecord, facts: readonly DeferredRecord[]) => Promise<T>,
): Promise<T | null> {
  const { place } = entry;
  if (entry.isRemoved || place.at !== "file") return null;
  try {
    const { accept, facts, usedBytes } = await init.deferred.load(place.name);
    entry.place = { ...place, usedBytes };
    return await use(accept, facts);
  } catch (error) {
    if (!isMissing(error)) throw error;
    init.ledger.drop(entry);
    entry.unpinAll();
    return null;
  }
}

async function assemble(
  { bodies }: ReadingInit,
  entry: Entry,
  accept: DeferredRecord,
  facts: readonly DeferredRecord[],
): Promise<SpoolEntry> {
  const meta = readMeta(entry.id, accept.meta);
  const { headerBytes, bodyFile } = meta;
  const { envelope, state } = factsOf(entry, meta, facts);
  if (entry.place.at === "file") entry.keepBrief(briefOf(envelope, sizeOf(accept, meta), state));
  const header = accept.content.subarray(0, headerBytes);
  const rest = accept.content.subarray(headerBytes);
  const message: StoredMessage = bodyFile
    ? createMessage(header, [await bodies.range(entry.id, bodyFile)])
    : createMessage(header, rest.length > 0 ? [rest] : []);
  return { envelope, message, state };
}

const sizeOf = ({ content }: DeferredRecord, { bodyFile }: AcceptMeta): number =>
  content.length + (bodyFile?.length ?? 0);

/** What is known of a message as of now. */
function factsOf(entry: Entry, { envelope }: AcceptMeta, facts: readonly DeferredRecord[]) {
  const outcomes: Record<number, SpoolOutcome> = {};
  let schedule: Schedule = freshSchedule(0);
  let hold: Hold = { reason: envelope.hold };
  for (const { type, meta } of facts) {
    const value = parseMeta(meta);
    if (type === "settle") {
      const { recipientId, outcome } = settleMeta(value);
      outcomes[recipientId] = outcome;
    } else if (type === "reschedule") {
      const { attempts, dueAt, lastReply, warnedAt } = rescheduleMeta(value);
      schedule = { attempts, dueAt, lastReply, warnedAt };
    } else if (type === "hold") {
      const { reason } = holdMeta(value);
      hold = { reason };
    }
  }
  for (const [recipientId, outcome] of entry.outcomes) outcomes[recipientId] = outcome;
  const { attempts, lastReply, warnedAt } = entry.schedule ?? schedule;
  return {
    envelope: { ...envelope, hold: (entry.hold ?? hold).reason },
    state: { attempts, dueAt: entry.dueAt, lastReply, warnedAt, outcomes },
  };
}

function readMeta(id: string, bytes: Buffer) {
  const meta = parseMeta(bytes);
  if (meta.id !== id) throw new SpoolError("SPOOL_DAMAGED", "a file has the message of another name");
  return acceptMeta(meta);
}

/** The message is not there any more; its bytes are in `damaged/`. */
export async function setAside({ ledger, deferred, bodies, damaged }: ReadingInit, entry: Entry, cause: unknown) {
  ledger.drop(entry);
  entry.unpinAll();
  const { place, id } = entry;
  if (place.at === "journal") {
    const bytes = await place.segment.read(place.offset, place.sizeBytes);
    const name = `${segmentFileName(place.segment.name)}.${place.offset}`;
    await damaged.keepBytes(bytes, { name, id, wasDurable: true });
  } else {
    await damaged.keepFile(deferred.path(place.name), { name: id, id, cause });
  }
  await damaged.keepFile(bodies.path(id), { name: `${id}.body`, id, cause });
}
