/** Where a worker listens for its administrator: in its own slot, so that its lock and its permissions count for both. */
import { closeSync, openSync } from "node:fs";
import { dirname, join } from "node:path";

export const controlSocket = (slotDirectory: string): string => join(slotDirectory, "control");

/** sockaddr_un has room for so many octets. */
const PATH_OCTETS = 107;

/**
 * Runs `use` with a path that the system takes for a socket: one that is too long is reached through the open directory. The path is
 * good until the promise has settled.
 */
export async function withSocketPath<T>(path: string, use: (path: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= PATH_OCTETS) return use(path);
  const directory = openSync(dirname(path), "r");
  try {
    return await use(`/proc/self/fd/${directory}/${path.slice(dirname(path).length + 1)}`);
  } finally {
    closeSync(directory);
  }
}
