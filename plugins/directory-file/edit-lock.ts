/**
 * One editor of a file at a time, whichever process it is in. The lock is a name in Linux's abstract socket namespace: the
 * kernel lets go of it when its holder dies, so nothing is ever left behind. Rejects when the other editor does not end.
 */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:net";

const RETRY_MS = 25;
const GIVE_UP_MS = 60_000;

export async function withEditLock<T>(path: string, edit: () => Promise<T>): Promise<T> {
  const lock = await acquire(path);
  try {
    return await edit();
  } finally {
    await new Promise((resolve) => lock.close(resolve));
  }
}

async function acquire(path: string): Promise<Server> {
  const name = `\0postern-edit-${createHash("sha256").update(path).digest("hex").slice(0, 32)}`;
  const giveUpAt = performance.now() + GIVE_UP_MS;
  for (;;) {
    const server = await tryListen(name);
    if (server) return server;
    if (performance.now() > giveUpAt) throw new Error(`${path} is being edited by another process`);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** `null`: somebody else has it. */
function tryListen(name: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(null);
      else reject(error);
    });
    // Exclusive: a cluster's primary would otherwise share one socket among its workers.
    server.listen({ path: name, exclusive: true }, () => resolve(server));
  });
}
