/**
 * One process per directory. The lock is a listening socket that the kernel gives up with the process, however it ends: no
 * stale lock file, no pid that means somebody else. Throws `DirectoryInUse` if another process (or another call in this one)
 * has it. On Linux the name is abstract (`unix(7)`) and made of the directory's device and inode; it holds within one network
 * namespace: two containers that share a volume but no network do not see each other. Elsewhere it is a socket in the directory.
 */
import { stat, unlink } from "node:fs/promises";
import { createConnection, createServer, type Server } from "node:net";
import { join } from "node:path";

export class DirectoryInUse extends Error {
  readonly code = "DIRECTORY_IN_USE";
}

export interface DirectoryLock {
  release(): Promise<void>;
}

export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const { dev, ino } = await stat(directory, { bigint: true });
  if (process.platform === "linux") return lockOf(await listen(`\0postern-directory-${dev}-${ino}`, directory));
  const path = join(directory, ".lock");
  try {
    return lockOf(await listen(path, directory));
  } catch (error) {
    if (!(error instanceof DirectoryInUse) || (await answers(path))) throw error;
    // The process that made it has gone without removing it.
    await unlink(path);
    return lockOf(await listen(path, directory));
  }
}

function listen(path: string, directory: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const isTaken = cause.code === "EADDRINUSE";
      reject(isTaken ? new DirectoryInUse(`another process uses ${directory}`, { cause }) : cause);
    });
    // Exclusive: in a cluster worker the socket is the worker's own, not one that the primary shares out.
    server.listen({ path, exclusive: true }, () => {
      server.unref();
      resolve(server);
    });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function lockOf(server: Server): DirectoryLock {
  let released: Promise<void> | null = null;
  return {
    release() {
      released ??= new Promise((resolve, reject) => server.close((error) => (error ? reject(error) : resolve())));
      return released;
    },
  };
}
