/** What a disk holds at one moment: directories and files by number, so that a file may have several names, or none. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Image {
  /** The directory that everything is below. */
  readonly root: number;
  /** Names in each directory, and what they lead to. */
  readonly directories: ReadonlyMap<number, ReadonlyMap<string, number>>;
  readonly files: ReadonlyMap<number, Buffer>;
}

/** What stands below `path` now. Two names of one file lead to one number. */
export function imageOf(path: string): Image {
  const directories = new Map<number, Map<string, number>>();
  const files = new Map<number, Buffer>();
  const byInode = new Map<number, number>();
  let last = 0;
  const visit = (at: string): number => {
    const stats = statSync(at);
    const known = byInode.get(stats.ino);
    if (known !== undefined && stats.isFile()) return known;
    const node = last++;
    byInode.set(stats.ino, node);
    if (stats.isDirectory()) {
      const names = new Map<string, number>();
      directories.set(node, names);
      for (const name of readdirSync(at)) names.set(name, visit(join(at, name)));
    } else files.set(node, readFileSync(at));
    return node;
  };
  return { root: visit(path), directories, files };
}

/** The same while somebody may be at work there: tries until no name has changed meanwhile. */
export function stillImageOf(path: string): Image {
  for (;;) {
    try {
      const before = readdirSync(path, { recursive: true }).sort().join("\n");
      const image = imageOf(path);
      if (readdirSync(path, { recursive: true }).sort().join("\n") === before) return image;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}

const allZeros = Buffer.alloc(64 * 1024);

/** Puts it on a real disk; `path` must not exist. What no name leads to is gone. */
export function materialize(image: Image, path: string): void {
  const { directories, files } = image;
  const written = new Map<number, string>();
  const put = (node: number, at: string): void => {
    const names = directories.get(node);
    if (names) {
      mkdirSync(at, { mode: 0o700 });
      for (const [name, child] of names) put(child, join(at, name));
      return;
    }
    writeFileSync(at, files.get(node) ?? allZeros.subarray(0, 0), { mode: 0o600 });
    written.set(node, at);
  };
  put(image.root, path);
}
