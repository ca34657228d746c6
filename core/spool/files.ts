/**
 * Every file operation of the spool, and the only seam through which a test can make a disk fail or record what reached it.
 * Plain file descriptors, nothing cached, nothing retried; a short write is a failure.
 */
import * as fs from "node:fs";
import { promisify } from "node:util";

export interface SpoolFiles {
  /** Opens for reading. */
  openRead(path: string): Promise<number>;
  /** Opens what exists for reading and writing. `flushing`: each write resolves only when its bytes are on disk (O_DSYNC). */
  openWrite(path: string, how: "flushing" | "buffered"): Promise<number>;
  /** Fails if the file exists. Mode 0600. */
  create(path: string): Promise<number>;
  close(fd: number): Promise<void>;
  /** All of it or an error. */
  write(fd: number, pieces: readonly Uint8Array[], position: number): Promise<void>;
  /** Fills the buffer as far as the file goes; answers how far. */
  read(fd: number, into: Uint8Array, position: number): Promise<number>;
  flush(fd: number): Promise<void>;
  truncate(fd: number, sizeBytes: number): Promise<void>;
  sizeBytes(fd: number): Promise<number>;
  link(from: string, to: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  makeDirectory(path: string): Promise<void>;
  removeDirectory(path: string): Promise<void>;
  /** Makes the names in a directory durable. */
  flushDirectory(path: string): Promise<void>;
  names(path: string): Promise<string[]>;
  /** Names in handfuls, for directories of any size. */
  nameChunks(path: string): AsyncIterable<readonly string[]>;
  freeBytes(path: string): Promise<number>;
}

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_DSYNC, O_DIRECTORY } = fs.constants;
const open = promisify(fs.open);
const close = promisify(fs.close);
const fdatasync = promisify(fs.fdatasync);
const fsync = promisify(fs.fsync);
const ftruncate = promisify(fs.ftruncate);
const fstat = promisify(fs.fstat);
const link = promisify(fs.link);
const rename = promisify(fs.rename);
const unlink = promisify(fs.unlink);
const mkdir = promisify(fs.mkdir);
const rmdir = promisify(fs.rmdir);
const readdir = promisify(fs.readdir) as (path: string) => Promise<string[]>;
const statfs = promisify(fs.statfs) as (path: string) => Promise<fs.StatsFs>;

/** The kernel takes 1,024 pieces a call (IOV_MAX). */
const maxPieces = 1024;
const chunkNames = 1024;

function writeOnce(fd: number, pieces: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.writev(fd, pieces, position, (error, written) => {
      if (error) reject(error);
      else resolve(written);
    });
  });
}

function readOnce(fd: number, into: Uint8Array, from: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, into, from, into.length - from, position, (error, count) => {
      if (error) reject(error);
      else resolve(count);
    });
  });
}

export const realFiles: SpoolFiles = {
  openRead: (path) => open(path, O_RDONLY),
  openWrite: (path, how) => open(path, how === "flushing" ? O_RDWR | O_DSYNC : O_RDWR),
  create: (path) => open(path, O_RDWR | O_CREAT | O_EXCL, 0o600),
  close,
  async write(fd, pieces, position) {
    let at = position;
    for (let next = 0; next < pieces.length; next += maxPieces) {
      const some = pieces.length <= maxPieces ? pieces : pieces.slice(next, next + maxPieces);
      let expected = 0;
      for (const piece of some) expected += piece.length;
      const written = await writeOnce(fd, some, at);
      if (written !== expected) throw Object.assign(new Error("short write"), { code: "ENOSPC" });
      at += expected;
    }
  },
  async read(fd, into, position) {
    let filled = 0;
    while (filled < into.length) {
      const count = await readOnce(fd, into, filled, position + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  },
  flush: fdatasync,
  truncate: ftruncate,
  sizeBytes: async (fd) => (await fstat(fd)).size,
  link,
  rename,
  unlink,
  makeDirectory: async (path) => {
    await mkdir(path, { mode: 0o700 });
  },
  removeDirectory: rmdir,
  async flushDirectory(path) {
    const fd = await open(path, O_RDONLY | O_DIRECTORY);
    try {
      await fsync(fd);
    } finally {
      await close(fd);
    }
  },
  names: readdir,
  async *nameChunks(path) {
    const directory = await fs.promises.opendir(path, { bufferSize: chunkNames });
    try {
      for (let first = await directory.read(); first; first = await directory.read()) {
        const names = [first.name];
        // What follows was read together with the first: no promise, no thread for each.
        while (names.length < chunkNames) {
          const next = directory.readSync();
          if (!next) break;
          names.push(next.name);
        }
        yield names;
      }
    } finally {
      await directory.close();
    }
  },
  freeBytes: async (path) => {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },
};
