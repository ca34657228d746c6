/**
 * The directories of local mail. `new` is open to all for leaving a file, and for nothing else: nobody but the server can list it
 * (no read permission), and nobody can remove or rename what another left (sticky). What is left there gets the directory's group
 * (set-group-ID), so that the server can read it whoever wrote it, and can tell it from a file that was only linked there.
 */
import { chmod, lstat, mkdir } from "node:fs/promises";
import { join } from "node:path";

export interface MaildropPlaces {
  readonly root: string;
  /** What programs leave. */
  readonly fresh: string;
  /** What the server is working on, out of everybody's reach. */
  readonly taken: string;
  /** What could not be understood, for the administrator. Nothing of it is ever deleted here. */
  readonly damaged: string;
  /** Sockets that tell users of the queue. */
  readonly queue: string;
}

export const FRESH_MODE = 0o3733;
const ROOT_MODE = 0o711;
const QUEUE_MODE = 0o755;
const OWN_MODE = 0o700;

export const maildropPlaces = (root: string): MaildropPlaces => ({
  root,
  fresh: join(root, "new"),
  taken: join(root, "taken"),
  damaged: join(root, "damaged"),
  queue: join(root, "queue"),
});

/** Makes what is not there, and the modes what they have to be. Rejects where a directory is somebody else's, or is none. */
export async function prepareMaildrop(root: string): Promise<MaildropPlaces> {
  const places = maildropPlaces(root);
  // The root comes first: as long as it is closed, nobody can put something else in the place of what is made in it.
  await ownDirectory(places.root, ROOT_MODE);
  await ownDirectory(places.taken, OWN_MODE);
  await ownDirectory(places.damaged, OWN_MODE);
  await ownDirectory(places.fresh, FRESH_MODE);
  return places;
}

/** The directory of those sockets: every worker makes one in it. */
export async function prepareQueueSockets(root: string): Promise<string> {
  const { queue } = maildropPlaces(root);
  await ownDirectory(root, ROOT_MODE);
  await ownDirectory(queue, QUEUE_MODE);
  return queue;
}

async function ownDirectory(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode: OWN_MODE });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const stats = await lstat(path);
  const uid = process.getuid?.();
  if (!stats.isDirectory()) throw new Error(`${path} is no directory`);
  if (stats.uid !== uid) throw new Error(`${path} belongs to user ${stats.uid}, and the server runs as ${uid}`);
  if ((stats.mode & 0o7777) !== mode) await chmod(path, mode);
}
