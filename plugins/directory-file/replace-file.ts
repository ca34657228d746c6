/** Puts new content in a file's place: whole or not at all, and on disk when it resolves. Links are followed. */
import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, realpath, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

export async function replaceFile(path: string, content: string): Promise<void> {
  const target = await followed(path);
  const directory = dirname(target);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const draft = join(directory, `.${basename(target)}.${randomBytes(6).toString("hex")}`);
  try {
    const file = await open(draft, "wx", 0o600);
    try {
      await takeAfter(file, target, directory);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, target);
  } catch (error) {
    await ignoreMissing(unlink(draft));
    throw error;
  }
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Owner and group stay as they were, so that root's edit leaves the file readable to the server; others get nothing. */
async function takeAfter(file: FileHandle, target: string, directory: string): Promise<void> {
  const before = await stat(target).catch(() => null);
  const { uid, gid } = before ?? (await stat(directory));
  if (process.getuid?.() === 0) await file.chown(uid, gid);
  if (before) await file.chmod(before.mode & 0o660);
}

const followed = async (path: string): Promise<string> => {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return path;
    throw error;
  }
};

async function ignoreMissing(removal: Promise<void>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
