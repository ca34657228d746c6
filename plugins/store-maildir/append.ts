/**
 * APPEND: messages get their UIDs at once. All or nothing: when one cannot be stored, none is; they are on the disk, names
 * and UIDs too, when it resolves. A crash between two of them leaves the first, whole.
 */

import { renameSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import type { NewMessage } from "postern/plugin";
import { attempt } from "postern/store";
import { changing } from "./changing.ts";
import { canonicalFlags, lettersFor } from "./flags.ts";
import type { Folder } from "./folder.ts";
import { withUidLock } from "./folder-lock.ts";
import type { Where } from "./message-file.ts";
import type { Toll } from "./toll.ts";
import type { KnownElsewhere } from "./uidlist.ts";
import { type Written, writeMessage } from "./write-message.ts";

export interface Placed {
  readonly where: Where;
  readonly base: string;
  readonly name: string;
}

export async function appendMessages(
  folder: Folder,
  messages: readonly NewMessage[] | AsyncIterable<NewMessage>,
  toll: Toll | null,
): Promise<{ readonly uidValidity: number; readonly uids: readonly number[] }> {
  const flags: (readonly string[])[] = [];
  const known: KnownElsewhere[] = [];
  const written: Written[] = [];
  try {
    for await (const message of messages) {
      const { host, clock, flush } = folder.site;
      const by = { host, nowMs: clock.now(), flush };
      flags.push(canonicalFlags(message.flags ?? []));
      known.push(knownElsewhere(message));
      await toll?.expects(message);
      written.push(await writeMessage(folder.path, message, by));
    }
    await toll?.written(written);
    const put = (index: number, path: string) => {
      const from = written[index]?.path ?? "";
      renameSync(from, path);
      return () => renameSync(path, from);
    };
    const bases = written.map(({ base }) => base);
    return await placeTogether(folder, { bases, flags, put, known });
  } catch (cause) {
    for (const { path } of written) attempt(() => unlinkSync(path));
    throw cause;
  }
}

const nowhere: KnownElsewhere = {};

/** Without the content, which is not kept while others come in. */
const knownElsewhere = ({ uid, uniqueId }: NewMessage): KnownElsewhere =>
  uid === undefined && uniqueId === undefined
    ? nowhere
    : { ...(uid === undefined ? {} : { uid }), ...(uniqueId === undefined ? {} : { uniqueId }) };

interface Waiting {
  readonly placing: Placing & { readonly known: readonly KnownElsewhere[] };
  resolve(placed: { readonly uidValidity: number; readonly uids: readonly number[] }): void;
  reject(cause: unknown): void;
}

/** Messages on disk that wait for their UIDs, until the mailbox is free. */
const gathered = new WeakMap<Folder, Waiting[]>();

/** What several sessions append while the mailbox is taken gets its UIDs together: the names and the list of UIDs are flushed once for all. */
function placeTogether(
  folder: Folder,
  placing: Waiting["placing"],
): Promise<{ readonly uidValidity: number; readonly uids: readonly number[] }> {
  return new Promise((resolve, reject) => {
    const others = gathered.get(folder);
    const one = { placing, resolve, reject };
    if (others) {
      others.push(one);
      return;
    }
    const batch: Waiting[] = [one];
    gathered.set(folder, batch);
    const leave = () => {
      if (gathered.get(folder) === batch) gathered.delete(folder);
    };
    folder.mutex
      .run(() =>
        withUidLock(folder, () => {
          leave();
          return placeBatch(folder, batch);
        }),
      )
      .catch((cause: unknown) => {
        leave();
        for (const waiting of batch) waiting.reject(cause);
      });
  });
}

async function placeBatch(folder: Folder, batch: readonly Waiting[]): Promise<void> {
  if (batch.length > 1) {
    const owners = batch.flatMap(({ placing }) => placing.bases.map((_, index) => ({ placing, index })));
    try {
      const { uidValidity, uids } = await placeWithUids(folder, {
        bases: batch.flatMap(({ placing }) => placing.bases),
        flags: batch.flatMap(({ placing }) => placing.flags),
        known: batch.flatMap(({ placing }) => placing.known),
        put: (at, path) => {
          const owner = owners[at];
          if (!owner) throw new RangeError("nobody has this message");
          return owner.placing.put(owner.index, path);
        },
      });
      let from = 0;
      for (const { placing, resolve } of batch) {
        resolve({ uidValidity, uids: uids.slice(from, from + placing.bases.length) });
        from += placing.bases.length;
      }
      return;
    } catch {
      // All of them were taken back. One may have spoilt it for the others: each tries for itself, and hears its own fault.
    }
  }
  for (const { placing, resolve, reject } of batch) await placeWithUids(folder, placing).then(resolve, reject);
}

export interface Placing {
  readonly bases: readonly string[];
  readonly flags: readonly (readonly string[])[];
  /** Makes one message appear at a path and answers how to take it back. */
  readonly put: (index: number, path: string) => () => void;
  /** What other servers knew them by. */
  readonly known?: readonly KnownElsewhere[];
  /** Mailboxes that `put` changes too. */
  readonly others?: readonly Folder[];
}

/** Under mutex and lock: brings messages into the mailbox and gives them UIDs. */
export async function placeWithUids(
  folder: Folder,
  { bases, flags, put, others, known }: Placing,
): Promise<{ readonly uidValidity: number; readonly uids: readonly number[] }> {
  folder.times();
  folder.keywords.refresh();
  const missing = folder.keywords.missing(flags.flat());
  if (missing.length > 0) {
    folder.keywords.add(missing);
    folder.forgetFlagSets();
  }
  const hasOthers = await folder.prepareUids();
  const placed = bases.map((base, index): Placed => {
    const letters = lettersFor(flags[index] ?? [], folder.keywords.names);
    // Without flags it is as new as one that was delivered (RFC 3501 6.3.11: \Recent is set).
    return letters === "" ? { where: "new", base, name: base } : { where: "cur", base, name: `${base}:2,${letters}` };
  });
  const undo: (() => void)[] = [];
  let uids: readonly number[];
  try {
    await changing([folder, ...(others ?? [])], placed, ({ where, name }, index) => {
      undo.push(put(index, `${folder.path}/${where}/${name}`));
    });
    const used = new Set(placed.map(({ where }) => where));
    // Side by side: after a crash a name without a UID gets one, and a UID without a name is nobody's.
    const [assigned, ...flushes] = await Promise.allSettled([
      folder.uidlist.assign(bases, known),
      ...[...used].map((where) => folder.site.flush.directory(join(folder.path, where))),
    ]);
    for (const flush of flushes) if (flush.status === "rejected") throw flush.reason;
    if (assigned.status === "rejected") throw assigned.reason;
    uids = assigned.value.map(({ uid }) => uid);
  } catch (cause) {
    folder.distrust();
    for (const takeBack of undo.reverse()) attempt(takeBack);
    throw cause;
  }
  if (!hasOthers && !folder.isBehind) {
    const modseq = folder.modseq.next();
    const appended = placed.map(({ where, name, base }, index) =>
      folder.adopt({ where, name, base, uid: uids[index] ?? 0, fields: "" }, modseq),
    );
    folder.publish({ appended, uidNext: folder.uidlist.nextUid }, null);
  } else folder.emit(null);
  folder.announce();
  return { uidValidity: folder.uidlist.uidValidity, uids };
}
