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
    return await folder.mutex.run(() =>
      withUidLock(folder.path, () => placeWithUids(folder, { bases, flags, put, known })),
    );
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
      undo.push(put(index, join(folder.path, where, name)));
    });
    const used = new Set(placed.map(({ where }) => where));
    await Promise.all([...used].map((where) => folder.site.flush.directory(join(folder.path, where))));
    uids = (await folder.uidlist.assign(bases, known)).map(({ uid }) => uid);
  } catch (cause) {
    folder.distrust();
    for (const takeBack of undo.reverse()) attempt(takeBack);
    throw cause;
  }
  if (!hasOthers && !folder.isBehind) {
    const modseq = folder.modseq.next();
    const appended = placed.map(({ where, name }, index) =>
      folder.adopt({ where, name, uid: uids[index] ?? 0 }, modseq),
    );
    folder.publish({ appended, uidNext: folder.uidlist.nextUid }, null);
  } else folder.emit(null);
  folder.announce();
  return { uidValidity: folder.uidlist.uidValidity, uids };
}
