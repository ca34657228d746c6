/**
 * The functions of `node:fs` that the Maildir store uses, with everything that changes a directory tree recorded. They are put in
 * place of the real ones for the whole process (`syncBuiltinESMExports`) until `restore`; what lies outside the tree is left alone.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { dirname } from "node:path";
import type { Effect, NameChange, Operation, Recording } from "./recording.ts";

const patched = [
  "openSync",
  "closeSync",
  "close",
  "write",
  "writevSync",
  "fsync",
  "fsyncSync",
  "renameSync",
  "linkSync",
  "unlinkSync",
  "mkdirSync",
  "rmdirSync",
] as const;

/** Would change the tree without being recorded: nothing on the way of a delivery may use them. */
const unrecorded = ["writeFileSync", "appendFileSync", "rename", "truncateSync", "ftruncateSync", "rmSync"] as const;

interface Opened {
  readonly path: string;
  readonly node: number;
  position: number;
}

export function recordFs(recording: Recording): { restore(): void } {
  const real = { ...fs };
  const opened = new Map<number, Opened>();
  const short = (path: string): string => path.split("/").slice(-2).join("/");

  function run<T>(effect: Effect | null, text: string, work: () => T): T {
    if (!effect) return work();
    const operation = recording.begin(effect, text);
    try {
      const result = work();
      recording.end(operation, "ok");
      return result;
    } catch (error) {
      recording.end(operation, "without effect");
      throw error;
    }
  }
  const names = (changes: readonly (NameChange | null)[], after: number | null = null): Effect | null => {
    const all = changes.flatMap((change) => change ?? []);
    return all.length < changes.length ? null : { is: "names", changes: all, after };
  };
  const end = (operation: Operation | null, error: Error | null): void => {
    if (operation) recording.end(operation, error ? "without effect" : "ok");
  };
  const insideOnly = (paths: readonly unknown[], name: string): void => {
    if (paths.some((path) => typeof path === "string" && recording.isInside(path)))
      throw new Error(`${name} is not recorded`);
  };

  const replacements = {
    openSync(path: string, flags?: string | number, mode?: fs.Mode) {
      if (!recording.isInside(path)) return real.openSync(path, flags ?? "r", mode);
      const isMade =
        typeof flags === "number" && (flags & fs.constants.O_CREAT) !== 0 && recording.nodeAt(path) === null;
      if (typeof flags === "string" && flags !== "r") throw new Error(`opening as ${flags} is not recorded`);
      const node = isMade ? recording.newFile() : recording.nodeAt(path);
      const effect = isMade ? names([recording.change(path, node)]) : null;
      const fd = run(effect, `create ${short(path)}`, () => real.openSync(path, flags ?? "r", mode));
      if (node !== null) opened.set(fd, { path, node, position: 0 });
      return fd;
    },
    closeSync(fd: number) {
      opened.delete(fd);
      real.closeSync(fd);
    },
    close(fd: number, done: (error: Error | null) => void) {
      opened.delete(fd);
      real.close(fd, done);
    },
    writevSync(fd: number, pieces: readonly Uint8Array[]) {
      const file = opened.get(fd);
      if (!file) return real.writevSync(fd, pieces);
      const bytes = Buffer.concat(pieces);
      const effect: Effect = { is: "write", node: file.node, at: file.position, bytes, flushes: false };
      const count = run(effect, `write ${bytes.length} at ${file.position} to ${short(file.path)}`, () =>
        real.writevSync(fd, pieces),
      );
      file.position += count;
      return count;
    },
    write(
      fd: number,
      bytes: Buffer,
      from: number,
      length: number,
      position: null,
      done: (error: Error | null, written: number) => void,
    ) {
      const file = opened.get(fd);
      if (!file) return real.write(fd, bytes, from, length, position, done);
      const copy = Buffer.from(bytes.subarray(from, from + length));
      const operation = recording.begin(
        { is: "write", node: file.node, at: file.position, bytes: copy, flushes: false },
        `write ${length} at ${file.position} to ${short(file.path)}`,
      );
      file.position += length;
      real.write(fd, bytes, from, length, position, (error, written) => {
        end(operation, error);
        done(error, written);
      });
    },
    fsync(fd: number, done: (error: Error | null) => void) {
      const file = opened.get(fd);
      const operation = file ? recording.begin({ is: "flush", node: file.node }, `flush ${short(file.path)}`) : null;
      real.fsync(fd, (error) => {
        end(operation, error);
        done(error);
      });
    },
    fsyncSync(fd: number) {
      const file = opened.get(fd);
      run(file ? { is: "flush", node: file.node } : null, `flush ${short(file?.path ?? "")}`, () => real.fsyncSync(fd));
    },
    renameSync(from: string, to: string) {
      const node = recording.nodeAt(from);
      const source = recording.change(from, null);
      const effect =
        node === null ? null : names([source, recording.change(to, node)], source && recording.makerOf(source));
      run(effect, `rename ${short(from)} to ${short(to)}`, () => real.renameSync(from, to));
    },
    linkSync(from: string, to: string) {
      run(names([recording.change(to, recording.nodeAt(from))]), `link ${short(from)} to ${short(to)}`, () =>
        real.linkSync(from, to),
      );
    },
    unlinkSync(path: string) {
      const isThere = recording.nodeAt(path) !== null;
      run(isThere ? names([recording.change(path, null)]) : null, `unlink ${short(path)}`, () => real.unlinkSync(path));
    },
    rmdirSync(path: string) {
      run(names([recording.change(path, null)]), `rmdir ${short(path)}`, () => real.rmdirSync(path));
    },
    mkdirSync(path: string, how?: fs.MakeDirectoryOptions) {
      if (!recording.isInside(path)) return real.mkdirSync(path, how);
      const parent = dirname(path);
      if (how?.recursive && recording.nodeAt(path) !== null) return undefined;
      let first: string | undefined;
      if (how?.recursive && recording.nodeAt(parent) === null) first = fs.mkdirSync(parent, how);
      const effect = names([recording.change(path, recording.newDirectory())]);
      run(effect, `mkdir ${short(path)}`, () => real.mkdirSync(path, { ...how, recursive: false }));
      return how?.recursive ? (first ?? path) : undefined;
    },
  } satisfies Partial<Record<(typeof patched)[number], unknown>>;

  Object.assign(fs, replacements);
  for (const name of unrecorded) {
    const original = real[name] as (...given: unknown[]) => unknown;
    Object.assign(fs, {
      [name]: (...given: unknown[]) => {
        insideOnly(given, name);
        return original(...given);
      },
    });
  }
  syncBuiltinESMExports();
  return {
    restore() {
      for (const name of [...patched, ...unrecorded]) Object.assign(fs, { [name]: real[name] });
      syncBuiltinESMExports();
    },
  };
}
