/** Keeps what a journal holds as a mailbox of its own, where the mailbox it was made for is not what it was. */
import { closeSync, constants, createReadStream, createWriteStream, fsyncSync, openSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Folder, FolderPlace } from "./folder.ts";
import { recover } from "./journal.ts";

/** Finishes what was broken off. Under the lock, before anybody looks. */
export async function recoverMailbox(folder: Folder, fd: number): Promise<void> {
  const { place, journal, path, site } = folder;
  const { at, payloadLength } = await recover(fd, journal);
  if (at === "finished") site.log.warn({ mailbox: path }, "a rewrite that was broken off has been finished");
  if (at !== "rewritten") return;
  const saved = await rescue(place, journal, { payloadLength, nowMs: site.clock.now() });
  site.log.error(
    { mailbox: path, saved },
    "another program rewrote a mailbox after a crash: what was being written is kept in a file of its own",
  );
}

/** Answers its file name. */
async function rescue(
  place: FolderPlace,
  journal: string,
  { payloadLength, nowMs }: { readonly payloadLength: number; readonly nowMs: number },
): Promise<string> {
  const name = `Recovered-${new Date(nowMs).toISOString().replace(/[-:.]/g, "")}`;
  const path = join(place.root, name);
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    if (payloadLength > 0) {
      const from = createReadStream(journal, { end: payloadLength - 1 });
      await pipeline(from, createWriteStream("", { fd, autoClose: false }));
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  unlinkSync(journal);
  return name;
}
