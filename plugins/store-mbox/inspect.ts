/** Looks for damage of one mbox: everything is read, and compared with what the index says. Repairing loses nothing: it only looks anew. */

import { existsSync, lstatSync, statSync } from "node:fs";
import { type Defect, type DefectKind, StoreError } from "postern/plugin";
import { scanMbox, storeError } from "postern/store";
import type { Folder, FolderPlace } from "./folder.ts";
import type { Site } from "./site.ts";

const defect = (kind: DefectKind, text: string, done: string | null = null, uid: number | null = null): Defect => ({
  kind,
  text,
  uid,
  done,
});

export async function inspectMailbox(
  place: FolderPlace,
  how: { readonly repair: boolean },
  site: Site,
): Promise<readonly Defect[]> {
  const seen = lstatSync(place.path, { throwIfNoEntry: false });
  if (!seen) throw new StoreError("nonexistent", "There is no such mailbox");
  if (seen.isSymbolicLink()) return [defect("link", `${place.path} is a link`)];
  const folder = site.folders.at(place, site);
  const found: Defect[] = [];
  if (existsSync(folder.journal)) {
    found.push(defect("half-written", "a rewrite was broken off", how.repair ? "it has been finished" : null));
    // Looking at it would finish it.
    if (!how.repair) return found;
  }
  try {
    found.push(...(await folder.use("exclusive", (file) => compareAll(folder, file.fd))));
  } catch (cause) {
    const error = storeError(cause);
    if (error.code !== "corruption") throw error;
    return [...found, defect("content", `${place.path} does not begin as an mbox does`)];
  }
  if (!how.repair || !found.some(({ kind, done }) => kind === "index" && done === null)) return found;
  await folder.use("exclusive", () => folder.distrust());
  await folder.sync({ isThorough: true });
  return found.map((one) => (one.kind === "index" ? { ...one, done: "the mailbox has been read again" } : one));
}

async function compareAll(folder: Folder, fd: number): Promise<readonly Defect[]> {
  const found: Defect[] = [];
  const known = [...folder.state.messages()];
  let index = 0;
  for await (const one of scanMbox(fd, { from: 0, to: statSync(folder.path).size, quoting: folder.site.quoting })) {
    const message = known[index++];
    if (!message) found.push(defect("index", `a message at ${one.place.start} is not known`));
    else if (
      message.start !== one.place.start ||
      message.length !== one.place.length ||
      message.end !== one.place.end ||
      (message.uid > 0 && message.sizeBytes !== one.sizeBytes)
    ) {
      found.push(defect("index", `the message at ${one.place.start} is not where it was expected`, null, message.uid));
    } else if (message.uid > 0 && one.facts.uid !== message.uid)
      found.push(defect("uid-list", "the UID in the file is another", null, message.uid));
    if (found.length >= 100) break;
  }
  if (index < known.length && found.length < 100)
    found.push(defect("index", `${known.length - index} messages are not there`));
  return found;
}
