/**
 * Ids by which POP3 clients know messages from elsewhere: lines of `<UIDVALIDITY> <UID> <id>` in `unique-ids` beside the mailbox. Written under
 * the mailbox's lock, on disk before anybody hears of the messages. Ids of messages that have gone go now and then.
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { errnoOf } from "postern/store";
import type { Folder } from "./folder.ts";

const pathOf = (control: string): string => join(control, "unique-ids");
/** Octets of a file that is not looked through for what has gone, and of one line in it. */
const SMALL_BYTES = 256 * 1024;
const LINE_BYTES = 100;

/** By UID, as they were given; the last of several counts. */
export function givenIds(control: string, uidValidity: number): ReadonlyMap<number, string> {
  const ids = new Map<number, string>();
  for (const line of textOf(pathOf(control)).split("\n")) {
    const [validity, uid, id = ""] = line.split(" ");
    if (Number(validity) === uidValidity && Number(uid) > 0 && id !== "") ids.set(Number(uid), id);
  }
  return ids;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT" || errnoOf(cause) === "ENOTDIR") return "";
    throw cause;
  }
}

/** Ids that no client could have seen are not kept (RFC 1939 7). */
export const isUniqueId = (id: string): boolean => /^[\x21-\x7e]{1,70}$/.test(id);

const linesOf = (uidValidity: number, ids: Iterable<readonly [number, string]>): string =>
  [...ids].map(([uid, id]) => `${uidValidity} ${uid} ${id}\n`).join("");

export function keepIds({ place, state, snapshot }: Folder, ids: readonly (readonly [number, string])[]): void {
  const sound = ids.filter(([, id]) => isUniqueId(id));
  if (sound.length === 0) return;
  const path = pathOf(place.control);
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
  const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  let size = 0;
  try {
    writeSync(fd, linesOf(state.uidValidity, sound));
    fdatasyncSync(fd);
    ({ size } = fstatSync(fd));
  } finally {
    closeSync(fd);
  }
  if (size <= SMALL_BYTES + LINE_BYTES * snapshot.size) return;
  const fresh = new Set(sound.map(([uid]) => uid));
  const kept = [...givenIds(place.control, state.uidValidity)].filter(([uid]) => fresh.has(uid) || snapshot.find(uid));
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, linesOf(state.uidValidity, kept), { mode: 0o600, flush: true });
  renameSync(temporary, path);
}
