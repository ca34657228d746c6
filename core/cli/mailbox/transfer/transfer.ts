/**
 * Brings the folders of a source into a target: only what is not there yet, in batches that are written down before and afterwards. Killed
 * at any point, the next run finds out what of the last batch had got through, and no message is there twice.
 */
import { createHash } from "node:crypto";
import { exitCodes } from "../../../kernel/exit-codes.ts";
import { CommandError } from "../../command-error.ts";
import type { FolderState, Journal } from "./journal.ts";
import type { OpenSource, Source, SourceFolder, SourceMessage } from "./source.ts";
import type { OpenTarget, Prepared, Target } from "./target.ts";

export interface TransferOptions {
  readonly isMeant: (folder: string) => boolean;
  /** Where it goes, by its name at the source. */
  readonly rename: (folder: string) => string;
  readonly keepUids: boolean;
  /** Of what was brought before: flags that have changed since, and what is gone at the source. */
  readonly follow: boolean;
}

/** Told as it goes; for whoever watches. */
export interface Watcher {
  folder(name: string, total: number, bytes: number): void;
  moved(messages: number, bytes: number): void;
  note(text: string): void;
}

export interface Summary {
  folders: number;
  copied: number;
  bytes: number;
  /** Were there from an earlier run. */
  known: number;
  updated: number;
  removed: number;
  /** Gone at the source before they could be read. */
  missed: number;
}

export interface Transfer {
  readonly source: Source;
  readonly target: Target;
  readonly journal: Journal;
  readonly options: TransferOptions;
  readonly watcher: Watcher;
}

const BATCH_MESSAGES = 100;
const BATCH_BYTES = 8 * 1024 * 1024;

export const emptySummary = (): Summary => ({
  folders: 0,
  copied: 0,
  bytes: 0,
  known: 0,
  updated: 0,
  removed: 0,
  missed: 0,
});

export async function transferAll(transfer: Transfer): Promise<Summary> {
  const summary = emptySummary();
  for (const folder of inboxFirst(await transfer.source.folders())) {
    if (!transfer.options.isMeant(folder.name)) continue;
    await transferFolder(transfer, folder, summary);
    summary.folders++;
  }
  return summary;
}

const inboxFirst = (folders: readonly SourceFolder[]): readonly SourceFolder[] =>
  folders.toSorted((a, b) => Number(b.name === "INBOX") - Number(a.name === "INBOX"));

async function transferFolder(transfer: Transfer, folder: SourceFolder, summary: Summary): Promise<void> {
  const { source, target, options, watcher } = transfer;
  const from = await source.open(folder.name);
  try {
    const to = await target.open({ ...folder, name: options.rename(folder.name) });
    try {
      const state = await begin(transfer, { folder, from, to });
      await settlePending(transfer, { folder, from, to, state });
      const todo = from.messages.filter(({ key }) => !state.done.has(key));
      summary.known += from.messages.length - todo.length;
      watcher.folder(
        to.name,
        todo.length,
        todo.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      );
      for (const batch of batches(todo)) await copyBatch(transfer, { folder, from, to, state, batch }, summary);
      if (state.keepsUids && from.uidValidity !== null && from.uidNext !== null) {
        await to.keepUids({ uidValidity: from.uidValidity, uidNext: from.uidNext });
      }
      if (options.follow) await follow(transfer, { folder, from, to, state }, summary);
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}

interface Pair {
  readonly folder: SourceFolder;
  readonly from: OpenSource;
  readonly to: OpenTarget;
}

interface Settling extends Pair {
  readonly state: FolderState;
}

/** What is known of this folder must still hold on both sides. */
async function begin({ journal, options, watcher }: Transfer, { folder, from, to }: Pair): Promise<FolderState> {
  const known = journal.folders.get(folder.name);
  if (known) {
    for (const [side, before, now] of [
      ["at the source", known.sourceUidValidity, from.uidValidity],
      ["here", known.targetUidValidity, to.uidValidity],
    ] as const) {
      if (before === now) continue;
      throw new CommandError(
        `${folder.name} has been made anew ${side} since the last run: say --restart to bring all of it once more`,
        exitCodes.dataError,
      );
    }
    return known;
  }
  const { uidValidity } = from;
  const keepsUids =
    options.keepUids &&
    uidValidity !== null &&
    (await to.isEmpty()) &&
    (await to.keepUids({ uidValidity, uidNext: 1 }));
  if (options.keepUids && !keepsUids)
    watcher.note(`${to.name} is not empty or cannot keep UIDs: its messages get new ones`);
  await journal.write({
    is: "folder",
    folder: folder.name,
    sourceUidValidity: uidValidity,
    targetUidValidity: to.uidValidity,
    keepsUids,
  });
  const state = journal.folders.get(folder.name);
  if (!state) throw new Error("the journal forgot a folder");
  return state;
}

/**
 * A batch that was begun by a run that did not end it. Messages may lie there without the UIDs that they were to keep, as whoever was killed
 * had not written these down yet: such a message is taken away and brought again, as long as its UID can still be given.
 */
async function settlePending({ journal, watcher }: Transfer, { folder, from, to, state }: Settling): Promise<void> {
  const { pending } = state;
  if (!pending) return;
  const found = await to.recover(
    pending.mark,
    pending.messages.map(({ digest }) => digest),
  );
  const wanted = new Map(from.messages.map(({ key, uid }) => [key, state.keepsUids ? uid : null]));
  const left = new Map([...found].map(([digest, uids]) => [digest, new Set(uids)]));
  const take = (digest: string, uid: number | null | undefined): number | null =>
    uid != null && left.get(digest)?.delete(uid) ? uid : null;
  // First those that are as they should be, then whatever is alike.
  const kept = pending.messages.map(({ key, digest }) => take(digest, wanted.get(key)));
  const uidNext = await to.mark();
  const astray: number[] = [];
  let lost = 0;
  const messages = pending.messages.flatMap(({ key, digest, flags }, index) => {
    const asWanted = kept[index];
    if (asWanted != null) return [{ key, uid: asWanted, flags }];
    const uid = take(digest, [...(left.get(digest) ?? [])][0]);
    if (uid === null) return [];
    const old = wanted.get(key) ?? null;
    if (old === null || old < uidNext) {
      if (old !== null) lost++;
      return [{ key, uid, flags }];
    }
    astray.push(uid);
    return [];
  });
  if (astray.length > 0) await to.remove(astray);
  if (lost > 0)
    watcher.note(
      `${to.name}: ${lost} messages have other UIDs than at the source, as a run was killed before it wrote them down`,
    );
  await journal.write({ is: "done", folder: folder.name, messages });
}

function* batches(messages: readonly SourceMessage[]): Generator<readonly SourceMessage[]> {
  let batch: SourceMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    if (batch.length > 0 && (batch.length >= BATCH_MESSAGES || bytes + message.sizeBytes > BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(message);
    bytes += message.sizeBytes;
  }
  if (batch.length > 0) yield batch;
}

async function copyBatch(
  { journal, watcher }: Transfer,
  { folder, from, to, state, batch }: Pair & { readonly state: FolderState; readonly batch: readonly SourceMessage[] },
  summary: Summary,
): Promise<void> {
  const contents = await from.read(batch);
  const there = batch.filter(({ key }) => contents.has(key));
  summary.missed += batch.length - there.length;
  const prepared = there.map((message): Prepared => {
    const content = contents.get(message.key) ?? Buffer.alloc(0);
    const { flags, internalDate, uniqueId } = message;
    return {
      content,
      digest: createHash("sha256").update(content).digest("hex"),
      flags,
      internalDate,
      uid: state.keepsUids ? message.uid : null,
      ...(uniqueId !== undefined && { uniqueId }),
    };
  });
  if (prepared.length === 0) return;
  await journal.write({
    is: "try",
    folder: folder.name,
    mark: await to.mark(),
    messages: prepared.map(({ digest, flags }, index) => ({ key: there[index]?.key ?? "", digest, flags })),
  });
  const uids = await to.append(prepared);
  await journal.write({
    is: "done",
    folder: folder.name,
    messages: there.map(({ key, flags }, index) => ({ key, uid: uids[index] ?? null, flags })),
  });
  const bytes = prepared.reduce((sum, { content }) => sum + content.length, 0);
  summary.copied += prepared.length;
  summary.bytes += bytes;
  watcher.moved(there.length, bytes);
}

/** Changes at the source since it was brought. What was changed here meanwhile gives way only where the source changed the same message. */
async function follow(
  { journal }: Transfer,
  { folder, from, to, state }: Pair & { readonly state: FolderState },
  summary: Summary,
): Promise<void> {
  const there = new Map(from.messages.map((message) => [message.key, message]));
  for (const [key, { uid, flags }] of [...state.done]) {
    const now = there.get(key);
    if (!now || uid === null || isSame(flags, now.flags)) continue;
    await to.setFlags(uid, now.flags);
    await journal.write({ is: "done", folder: folder.name, messages: [{ key, uid, flags: now.flags }] });
    summary.updated++;
  }
  const gone = [...state.done].filter(([key]) => !there.has(key));
  const uids = gone.flatMap(([, { uid }]) => (uid === null ? [] : [uid]));
  if (gone.length === 0) return;
  if (uids.length > 0) await to.remove(uids);
  await journal.write({ is: "gone", folder: folder.name, keys: gone.map(([key]) => key) });
  summary.removed += uids.length;
}

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.toSorted().join(" ") === b.toSorted().join(" ");
