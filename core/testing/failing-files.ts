/** The real disk, with operations that fail when a test says so. */
import { realFiles, type SpoolFiles } from "../spool/files.ts";

export type Operation = keyof SpoolFiles;

/** Called before each operation; what it throws is what the disk says. `"after"`: do it, then fail with EIO. */
export type Saboteur = (operation: Operation, path: string) => "after" | undefined;

export const diskError = (code: string): Error => Object.assign(new Error(`${code}: injected`), { code });

export function failingFiles(sabotage: Saboteur): SpoolFiles {
  const paths = new Map<number, string>();
  async function run<T>(operation: Operation, path: string, work: () => Promise<T>): Promise<T> {
    const when = sabotage(operation, path);
    const result = await work();
    if (when === "after") throw diskError("EIO");
    return result;
  }
  const opened = async (operation: Operation, path: string, work: () => Promise<number>): Promise<number> => {
    const fd = await run(operation, path, work);
    paths.set(fd, path);
    return fd;
  };
  const pathOf = (fd: number): string => paths.get(fd) ?? "";
  return {
    openRead: (path) => opened("openRead", path, () => realFiles.openRead(path)),
    openWrite: (path, how) => opened("openWrite", path, () => realFiles.openWrite(path, how)),
    create: (path) => opened("create", path, () => realFiles.create(path)),
    close: (fd) => realFiles.close(fd),
    write: (fd, pieces, position) => run("write", pathOf(fd), () => realFiles.write(fd, pieces, position)),
    read: (fd, into, position) => run("read", pathOf(fd), () => realFiles.read(fd, into, position)),
    flush: (fd) => run("flush", pathOf(fd), () => realFiles.flush(fd)),
    truncate: (fd, sizeBytes) => run("truncate", pathOf(fd), () => realFiles.truncate(fd, sizeBytes)),
    sizeBytes: (fd) => realFiles.sizeBytes(fd),
    link: (from, to) => run("link", to, () => realFiles.link(from, to)),
    rename: (from, to) => run("rename", to, () => realFiles.rename(from, to)),
    unlink: (path) => run("unlink", path, () => realFiles.unlink(path)),
    makeDirectory: (path) => run("makeDirectory", path, () => realFiles.makeDirectory(path)),
    removeDirectory: (path) => run("removeDirectory", path, () => realFiles.removeDirectory(path)),
    flushDirectory: (path) => run("flushDirectory", path, () => realFiles.flushDirectory(path)),
    names: (path) => run("names", path, () => realFiles.names(path)),
    nameChunks: (path) => realFiles.nameChunks(path),
    freeBytes: (path) => realFiles.freeBytes(path),
  };
}
