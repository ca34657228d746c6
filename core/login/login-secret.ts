/**
 * A secret of this server, kept in the data directory: what is answered for logins that do not exist is made with it, and must be
 * the same in all workers and after a restart. The first one to ask makes it. Rejects if it can be neither read nor made.
 */
import { randomBytes } from "node:crypto";
import { link, open, readFile, unlink } from "node:fs/promises";
import { join } from "node:path";

const SIZE_BYTES = 32;

export async function openLoginSecret(dataDir: string): Promise<Uint8Array> {
  const path = join(dataDir, "login-secret");
  try {
    return await read(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  const file = await open(draft, "wx", 0o600);
  try {
    await file.writeFile(randomBytes(SIZE_BYTES));
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    // A link, not a rename: of several workers that begin at once one wins, and the others take its secret.
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await unlink(draft);
  }
  return read(path);
}

async function read(path: string): Promise<Uint8Array> {
  const secret = await readFile(path);
  if (secret.length < SIZE_BYTES) throw new Error(`${path} is damaged: remove it, and the server makes a new one`);
  return secret;
}
