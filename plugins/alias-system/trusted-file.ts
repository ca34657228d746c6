/**
 * Files that decide where mail goes, read only where nobody else can have written them: a regular file that not everybody may write, in a
 * directory where not everybody may put one, no larger than a bound. What is wrong is a `fault` in words; nothing is guessed from it.
 */
import { constants } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { dirname, sep } from "node:path";

export interface TrustedOptions {
  readonly maxBytes: number;
  /** Links may not lead out of it. */
  readonly within?: string;
  /** Who may own it; left out: anybody. */
  readonly owners?: readonly number[];
}

export type TrustedFile =
  | { readonly at: "read"; readonly text: string; readonly uid: number }
  | { readonly at: "missing" }
  | { readonly at: "fault"; readonly reason: string };

const WORLD_WRITABLE = 0o002;
const STICKY = 0o1000;

export async function readTrusted(path: string, options: TrustedOptions): Promise<TrustedFile> {
  try {
    return await read(path, options);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    return code === "ENOENT" || code === "ENOTDIR" ? { at: "missing" } : fault(`${path} cannot be read (${code})`);
  }
}

async function read(path: string, { maxBytes, within, owners }: TrustedOptions): Promise<TrustedFile> {
  const resolved = await realpath(path);
  if (within !== undefined && !resolved.startsWith(`${(await realpath(within)).replace(/\/+$/, "")}${sep}`))
    return fault(`${path} leads out of ${within}`);
  const directory = await stat(dirname(resolved));
  if ((directory.mode & WORLD_WRITABLE) !== 0 && (directory.mode & STICKY) === 0)
    return fault(`${path} stands in a directory that everybody may write`);
  // Between the two calls somebody may have put a link or a pipe there.
  const file = await open(resolved, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { mode, uid, size, ...found } = await file.stat().then((stats) => ({
      mode: stats.mode,
      uid: stats.uid,
      size: stats.size,
      isFile: stats.isFile(),
    }));
    if (!found.isFile) return fault(`${path} is no file`);
    if ((mode & WORLD_WRITABLE) !== 0) return fault(`${path} may be written by everybody`);
    if (owners && !owners.includes(uid)) return fault(`${path} belongs to somebody else (${uid})`);
    if (size > maxBytes) return fault(`${path} has more than ${maxBytes} octets`);
    // It may have grown since.
    const bytes = Buffer.alloc(maxBytes + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    if (length > maxBytes) return fault(`${path} has more than ${maxBytes} octets`);
    return { at: "read", text: bytes.toString("utf8", 0, length), uid };
  } finally {
    await file.close();
  }
}

const fault = (reason: string): TrustedFile => ({ at: "fault", reason });
