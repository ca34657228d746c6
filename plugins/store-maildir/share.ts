/**
 * What a folder shows is first registered in the index (ADR 12): the index says which modseq it gets, what of it is out of date, and what
 * other processes have registered meanwhile, which is shown together with it.
 */
import type { KnownMessage } from "postern/plugin";
import { baseOf } from "./file-name.ts";
import type { Folder } from "./folder.ts";
import { placeOf } from "./folder-index.ts";
import type { KnownFile } from "./message-file.ts";
import { type Edit, Entry } from "./snapshot.ts";

type Changes = Omit<Edit, "uidNext" | "highestModseq">;
interface Others {
  readonly put: readonly KnownMessage[];
  readonly vanished: readonly number[];
}

/** Changes as the index took them, with those of others; `null` where there is no index. `modseq` may have been given out before. */
export function registered(
  folder: Folder,
  change: Omit<Edit, "highestModseq">,
  modseq = folder.modseq.next(),
): Edit | null {
  const { index } = folder;
  if (!index?.isBegun) return null;
  const { removed, replaced, appended, uidNext } = change;
  const taken = index.commit({
    ...{ since: folder.snapshot.highestModseq, modseq, uidNext },
    ...{ put: [...replaced.values(), ...appended], vanished: removed },
    cursor: folder.disk.cursor(folder.keywords.names),
  });
  if (!taken) {
    folder.leaveIndex();
    return null;
  }
  folder.modseq.used(taken.highestModseq);
  if (taken.refused.length > 0) folder.distrust();
  const not = new Set([...taken.refused, ...taken.others.vanished]);
  const theirs = new Set(taken.others.put.map(({ uid }) => uid));
  const isOurs = ({ uid }: Entry) => !not.has(uid) && !theirs.has(uid);
  // What others have registered, too, is known as they have it: one file for each message.
  for (const entry of appended) if (!isOurs(entry)) folder.drop(entry.file);
  const numbered = (entry: Entry) =>
    entry.modseq === taken.modseq ? entry : new Entry(entry.file, entry.flags, taken.modseq);
  const own: Changes = {
    removed: new Set([...removed].filter((uid) => !theirs.has(uid))),
    replaced: new Map([...replaced.values()].filter(isOurs).map((entry) => [entry.uid, numbered(entry)] as const)),
    appended: appended.filter(isOurs).map(numbered),
  };
  return { ...withOthers(folder, own, taken.others), uidNext: taken.uidNext, highestModseq: taken.highestModseq };
}

/** Adds what others have registered. Where it does not fit what we know, the disk is looked at again. */
export function withOthers(folder: Folder, own: Changes, others: Others): Changes {
  if (others.put.length === 0 && others.vanished.length === 0) return own;
  const removed = new Set(own.removed);
  const replaced = new Map(own.replaced);
  const appended = [...own.appended];
  for (const uid of others.vanished) {
    const old = folder.snapshot.find(uid);
    if (!old) continue;
    folder.drop(old.file);
    folder.uidlist.forget(old.file.base);
    removed.add(uid);
  }
  for (const message of others.put) {
    const place = placeOf(message.place);
    const old = folder.snapshot.find(message.uid);
    const file = place && (old?.file ?? folder.files.get(baseOf(place.name)));
    if (!place || (file && (file.uid !== message.uid || file.base !== baseOf(place.name)))) folder.distrust();
    else if (old && file) {
      folder.stand(file, place);
      replaced.set(message.uid, new Entry(file, folder.flagsOf(place.name), message.modseq));
    } else if (message.uid < folder.snapshot.uidNext) folder.distrust();
    else {
      const base = baseOf(place.name);
      appended.push(recalled(folder, { ...place, base, uid: message.uid, fields: "" }, message));
    }
  }
  return { removed, replaced, appended: appended.sort((a, b) => a.uid - b.uid) };
}

/** A message that the index knows. */
export function recalled(folder: Folder, at: KnownFile, message: KnownMessage): Entry {
  const entry = folder.adopt(at, message.modseq);
  entry.file.recall(message);
  return entry;
}
