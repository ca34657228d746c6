/** Puts new content in a file's place: whole or not at all, and on disk when it resolves. Links are followed. */
import { randomBytes } from "node:crypto";
import { chown, type FileHandle, mkdir, open, realpath, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** `ownedAs`: what root makes anew belongs to whoever has this directory, so that the server can read it. */
export async function replaceFile(path: string, content: string, ownedAs: string): Promise<void> {
  const target = await followed(path);
  const directory = dirname(target);
  const keeper = await ownerOf(ownedAs);
  await makeDirectories(directory, keeper);
  const owner = keeper ?? (await ownerOf(directory));
  const draft = join(directory, `.${basename(target)}.${randomBytes(6).toString("hex")}`);
  try {
    const file = await open(draft, "wx", 0o600);
    try {
      await takeAfter(file, target, owner);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, target);
  } catch (error) {
    await nullIfMissing(unlink(draft));
    throw error;
  }
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** `null`: there is no such directory, or we are not root, who alone can give files away. */
async function ownerOf(directory: string): Promise<Owner | null> {
  if (process.getuid?.() !== 0) return null;
  return nullIfMissing(stat(directory));
}

async function makeDirectories(directory: string, owner: Owner | null): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (first === undefined || owner === null) return;
  for (let made = directory; made.length >= first.length; made = dirname(made)) await chown(made, owner.uid, owner.gid);
}

/** Owner and group stay as they were, so that root's edit leaves the file readable to the server; others get nothing. */
async function takeAfter(file: FileHandle, target: string, fresh: Owner | null): Promise<void> {
  const before = await nullIfMissing(stat(target));
  const owner = before ?? fresh;
  if (owner && process.getuid?.() === 0) await file.chown(owner.uid, owner.gid);
  if (before) await file.chmod(before.mode & 0o660);
}

const followed = async (path: string): Promise<string> => (await nullIfMissing(realpath(path))) ?? path;

async function nullIfMissing<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return null;
  }
}
