/** The spool's disk, with everything that changes it recorded. Failures may be injected: they are recorded as what they are. */
import { realFiles, type SpoolFiles } from "../../../core/spool/files.ts";
import { diskError } from "../../../core/testing/failing-files.ts";
import type { Effect, Recording } from "./recording.ts";

/** Called before each operation that changes the disk: whether it fails, and whether it was done all the same. */
export type Mishap = (operation: keyof SpoolFiles, path: string) => "fails" | "done, but fails" | null;

export function recordedFiles(recording: Recording, mishap: Mishap = () => null): SpoolFiles {
  const opened = new Map<number, { readonly path: string; readonly node: number; readonly flushes: boolean }>();
  const short = (path: string): string => path.split("/").slice(-2).join("/");

  async function run<T>(
    what: keyof SpoolFiles,
    about: { readonly path: string; readonly effect: Effect | null; readonly text: string },
    work: () => Promise<T>,
  ): Promise<T> {
    if (!about.effect) return work();
    const operation = recording.begin(about.effect, about.text);
    const outcome = mishap(what, about.path);
    // Of bytes nobody knows how far they came; a name is there or not.
    const isOpen = outcome === "done, but fails" || (outcome === "fails" && about.effect.is !== "names");
    try {
      const result = outcome === "fails" ? null : await work();
      recording.end(operation, outcome === null ? "ok" : isOpen ? "unknown" : "without effect");
      if (outcome === null) return result as T;
    } catch (error) {
      recording.end(operation, "without effect");
      throw error;
    }
    throw diskError("EIO");
  }

  async function open(path: string, flushes: boolean, work: () => Promise<number>): Promise<number> {
    const node = recording.nodeAt(path);
    const fd = await work();
    if (node !== null) opened.set(fd, { path, node, flushes });
    return fd;
  }

  function names(moves: readonly (readonly [path: string, node: number | null])[], from: string | null): Effect | null {
    const changes = moves.flatMap(([path, node]) => recording.change(path, node) ?? []);
    if (changes.length < moves.length) return null;
    const source = from === null ? null : recording.change(from, null);
    return { is: "names", changes, after: source && recording.makerOf(source) };
  }

  return {
    ...realFiles,
    openRead: (path) => open(path, false, () => realFiles.openRead(path)),
    openWrite: (path, how) => open(path, how === "flushing", () => realFiles.openWrite(path, how)),
    async create(path) {
      const node = recording.newFile();
      const effect = names([[path, node]], null);
      const fd = await run("create", { path, effect, text: `create ${short(path)}` }, () => realFiles.create(path));
      opened.set(fd, { path, node, flushes: false });
      return fd;
    },
    close: (fd) => {
      opened.delete(fd);
      return realFiles.close(fd);
    },
    write(fd, pieces, position) {
      const file = opened.get(fd);
      const bytes = Buffer.concat(pieces);
      const text = `write ${bytes.length} at ${position}${file?.flushes ? ", flushed," : ""} to ${short(file?.path ?? "")}`;
      const effect = file && ({ is: "write", node: file.node, at: position, bytes, flushes: file.flushes } as const);
      return run("write", { path: file?.path ?? "", effect: effect ?? null, text }, () =>
        realFiles.write(fd, pieces, position),
      );
    },
    flush(fd) {
      const file = opened.get(fd);
      const effect = file ? ({ is: "flush", node: file.node } as const) : null;
      const path = file?.path ?? "";
      return run("flush", { path, effect, text: `flush ${short(path)}` }, () => realFiles.flush(fd));
    },
    truncate(fd, sizeBytes) {
      const file = opened.get(fd);
      const effect = file ? ({ is: "size", node: file.node, sizeBytes } as const) : null;
      const path = file?.path ?? "";
      return run("truncate", { path, effect, text: `truncate ${short(path)} to ${sizeBytes}` }, () =>
        realFiles.truncate(fd, sizeBytes),
      );
    },
    link(from, to) {
      const effect = names([[to, recording.nodeAt(from)]], null);
      return run("link", { path: to, effect, text: `link ${short(from)} to ${short(to)}` }, () =>
        realFiles.link(from, to),
      );
    },
    rename(from, to) {
      const node = recording.nodeAt(from);
      const moves = [
        [from, null],
        [to, node],
      ] as const;
      const effect = node === null ? null : names(moves, from);
      return run("rename", { path: to, effect, text: `rename ${short(from)} to ${short(to)}` }, () =>
        realFiles.rename(from, to),
      );
    },
    unlink: (path) =>
      run(
        "unlink",
        {
          path,
          effect: recording.nodeAt(path) === null ? null : names([[path, null]], null),
          text: `unlink ${short(path)}`,
        },
        () => realFiles.unlink(path),
      ),
    makeDirectory(path) {
      const effect = names([[path, recording.newDirectory()]], null);
      return run("makeDirectory", { path, effect, text: `mkdir ${short(path)}` }, () => realFiles.makeDirectory(path));
    },
    removeDirectory(path) {
      const effect = recording.nodeAt(path) === null ? null : names([[path, null]], null);
      return run("removeDirectory", { path, effect, text: `rmdir ${short(path)}` }, () =>
        realFiles.removeDirectory(path),
      );
    },
    flushDirectory(path) {
      const node = recording.nodeAt(path);
      const effect = node === null ? null : ({ is: "flush", node } as const);
      return run("flushDirectory", { path, effect, text: `flush ${short(path)}/` }, () =>
        realFiles.flushDirectory(path),
      );
    },
  };
}
