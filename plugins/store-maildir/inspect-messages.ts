/** Looks over every message of a mailbox: where it stands, what its name says of it, whether it can be read. */

import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync, renameSync } from "node:fs";
import { join } from "node:path";
import { Breather, countBareLf, errnoOf, ignoreMissing } from "postern/store";
import { baseOf, sizesIn, withSizes } from "./file-name.ts";
import { withUidLock } from "./folder-lock.ts";
import type { Inspection } from "./inspect.ts";
import type { FoundFile } from "./scan.ts";

const CHUNK_BYTES = 256 * 1024;

/** Messages, by their files. */
export function filesIn(directory: string): readonly FoundFile[] {
  return (["new", "cur"] as const).flatMap((where) =>
    readdirSync(join(directory, where))
      .filter((name) => !name.startsWith("."))
      .map((name) => ({ where, name })),
  );
}

export async function inspectMessages(inspection: Inspection): Promise<void> {
  const { place, site, found } = inspection;
  const breather = new Breather();
  const bases = new Map<string, FoundFile>();
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let doubles = 0;
  for (const file of filesIn(place.path)) {
    if (breather.isDue) await breather.pause();
    const base = baseOf(file.name);
    // Seen again because somebody renamed it meanwhile: no double.
    if (bases.has(base) && isThere(place.path, bases.get(base)) && isThere(place.path, file)) doubles++;
    bases.set(base, file);
    await inspectFile(inspection, file, chunk);
  }
  if (doubles > 0) {
    await found({ kind: "wrong-name", text: `${doubles} messages have the name of another one` }, async () => {
      const folder = site.folders.at(place, site);
      folder.distrust();
      await folder.sync();
      return "each has a name of its own, or was another link to the same message";
    });
  }
}

const isThere = (directory: string, file: FoundFile | undefined): boolean =>
  file !== undefined && lstatSync(join(directory, file.where, file.name), { throwIfNoEntry: false }) !== undefined;

async function inspectFile({ place, site, found }: Inspection, file: FoundFile, chunk: Buffer): Promise<void> {
  const shown = `${file.where}/${file.name}`;
  const uid = site.folders.known(place.path)?.files.get(baseOf(file.name))?.uid;
  const about = uid === undefined ? {} : { uid };
  const read = readThrough(join(place.path, file.where, file.name), chunk);
  if (read === "gone") return;
  if (read === "link") return found({ kind: "link", text: `${shown} is a link: it is not read`, ...about });
  if (read === "other") return found({ kind: "wrong-name", text: `${shown} is no file`, ...about });
  if (typeof read === "string") return found({ kind: "content", text: `${shown} cannot be read: ${read}`, ...about });
  if (read.diskBytes === 0) await found({ kind: "content", text: `${shown} is empty`, ...about });
  else if (read.isNul) {
    await found({ kind: "content", text: `${shown} begins with NUL octets, as after a power cut`, ...about });
  }
  const named = sizesIn(baseOf(file.name));
  const isWrong =
    (named.diskBytes !== null && named.diskBytes !== read.diskBytes) ||
    (named.sizeBytes !== null && named.sizeBytes !== read.sizeBytes);
  if (!isWrong) return;
  const text = `${shown} has ${read.diskBytes} octets (${read.sizeBytes} with CRLF), not as its name says`;
  await found({ kind: "wrong-size", text, ...about }, () => renameRight({ place, site }, file, read));
}

interface Read {
  readonly diskBytes: number;
  readonly sizeBytes: number;
  readonly isNul: boolean;
}

function readThrough(path: string, chunk: Buffer): Read | "gone" | "link" | "other" | string {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const code = errnoOf(cause);
    return code === "ENOENT" ? "gone" : code === "ELOOP" ? "link" : code;
  }
  try {
    if (!fstatSync(fd).isFile()) return "other";
    let [diskBytes, missing, before] = [0, 0, 0];
    let isNul = false;
    for (;;) {
      const count = readSync(fd, chunk, 0, chunk.length, diskBytes);
      if (count === 0) return { diskBytes, sizeBytes: diskBytes + missing, isNul };
      if (diskBytes === 0) isNul = chunk[0] === 0;
      missing += countBareLf(chunk.subarray(0, count), before);
      before = chunk[count - 1] ?? 0;
      diskBytes += count;
    }
  } catch (cause) {
    return errnoOf(cause) || "unknown fault";
  } finally {
    closeSync(fd);
  }
}

/** The message keeps its UID; whoever has the mailbox open sees it come anew under another one. */
async function renameRight(
  { place, site }: Pick<Inspection, "place" | "site">,
  file: FoundFile,
  { diskBytes, sizeBytes }: Read,
): Promise<string | null> {
  const folder = site.folders.at(place, site);
  await folder.sync();
  const old = baseOf(file.name);
  const bare = old.replace(/,[SW]=\d+(?=,|$)/g, "");
  const base = withSizes(bare, diskBytes, sizeBytes);
  const directory = join(place.path, file.where);
  return folder.mutex.run(() =>
    withUidLock(folder, async () => {
      folder.uidlist.refresh();
      const record = folder.uidlist.records.get(old);
      const isRenamed = ignoreMissing(() =>
        renameSync(join(directory, file.name), join(directory, base + file.name.slice(old.length))),
      );
      if (!isRenamed) return null;
      if (record) {
        folder.uidlist.records.delete(old);
        folder.uidlist.records.set(base, { ...record, base });
        await folder.uidlist.rewrite();
      }
      folder.retire();
      return "renamed it";
    }),
  );
}
