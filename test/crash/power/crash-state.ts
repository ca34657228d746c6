/**
 * What a power cut at a moment of a recording may leave. Certain: what was flushed by a flush that began after it had ended and
 * ended before the cut, unless a flush of the same file had failed in between. Everything else is open: a name change is there or not (a rename wholly or not at all), a write is there,
 * not there, there in some sectors of 512 bytes, or there only as a size, with zeros where nothing stood before.
 */
import type { Image } from "./image.ts";
import type { Effect, Operation, Recording } from "./recording.ts";

export const sectorBytes = 512;

/** What became of an operation that was open. `sectors`: of a write, those for which the function says so. */
export type Fate =
  | { readonly is: "kept" }
  | { readonly is: "lost" }
  | { readonly is: "size only" }
  | { readonly is: "torn"; readonly hasSector: (sector: number) => boolean; readonly text: string };

export const kept: Fate = { is: "kept" };
export const lost: Fate = { is: "lost" };
export const sizeOnly: Fate = { is: "size only" };

export interface Moment {
  readonly at: number;
  /** Operations that had begun, in their order, by their number in the recording. */
  readonly begun: readonly number[];
  /** Those of them whose effect is open. */
  readonly open: readonly number[];
}

export function momentOf(recording: Recording, at: number): Moment {
  const { operations } = recording;
  const begun: number[] = [];
  const flushes = new Map<number, Operation[]>();
  for (const [index, operation] of operations.entries()) {
    const { effect } = operation;
    if (operation.begun > at || operation.result === "without effect") continue;
    begun.push(index);
    if (effect.is !== "flush" || operation.ended > at) continue;
    const earlier = flushes.get(effect.node);
    if (earlier) earlier.push(operation);
    else flushes.set(effect.node, [operation]);
  }
  const isCertain = (operation: Operation): boolean => {
    if (operation.ended > at || operation.result !== "ok") return false;
    const { effect } = operation;
    if (effect.is === "write" && effect.flushes) return true;
    return nodesOf(effect).some((node) => {
      const next = flushes.get(node)?.filter((flush) => flush.begun > operation.ended || flush.result !== "ok") ?? [];
      // The kernel forgets after a failed flush what it did not write: no later one makes up for it.
      const first =
        effect.is === "names"
          ? next.find(({ result }) => result === "ok")
          : next.find(({ ended }) => ended > operation.begun);
      return first !== undefined && first.result === "ok";
    });
  };
  const certain = new Set(begun.filter((index) => isCertain(operations[index] as Operation)));
  // What a name that is certain was moved from is certain as well.
  for (const index of [...begun].reverse()) {
    const effect = operations[index]?.effect;
    if (certain.has(index) && effect?.is === "names" && effect.after !== null) certain.add(effect.after);
  }
  return { at, begun, open: begun.filter((index) => operations[index]?.effect.is !== "flush" && !certain.has(index)) };
}

const nodesOf = (effect: Effect): readonly number[] =>
  effect.is === "names" ? effect.changes.map(({ directory }) => directory) : [effect.node];

/** The disk after the cut, if the open operations fared like that. Those without a fate are lost. */
export function stateAfter(recording: Recording, moment: Moment, fates: ReadonlyMap<number, Fate>): Image {
  const { base, operations } = recording;
  const open = new Set(moment.open);
  const directories = new Map([...base.directories].map(([node, names]) => [node, new Map(names)]));
  const files = new Map<number, Buffer>(base.files);
  const applied = new Set<number>();
  for (const index of moment.begun) {
    const operation = operations[index];
    if (!operation) continue;
    const fate = open.has(index) ? (fates.get(index) ?? lost) : kept;
    const { effect } = operation;
    if (fate.is === "lost") continue;
    if (effect.is === "names") {
      // A name cannot be moved that was never there.
      if (effect.after !== null && !applied.has(effect.after)) continue;
      // Nor is a directory gone from the disk while names are in it there, though the kernel had seen them go.
      if (removesFull(directories, effect)) continue;
      applied.add(index);
      for (const { directory, name, node } of effect.changes) {
        let names = directories.get(directory);
        if (!names) {
          names = new Map();
          directories.set(directory, names);
        }
        if (node === null) names.delete(name);
        else names.set(name, node);
      }
    } else if (effect.is === "size") {
      files.set(effect.node, resized(files.get(effect.node), effect.sizeBytes));
    } else if (effect.is === "write") {
      files.set(effect.node, written(files.get(effect.node), effect, fate));
    }
  }
  // Directories that were made and hold nothing.
  for (const index of applied) {
    const effect = operations[index]?.effect;
    if (effect?.is !== "names") continue;
    for (const { node } of effect.changes) {
      if (node !== null && recording.isDirectory(node) && !directories.has(node)) directories.set(node, new Map());
    }
  }
  return { root: base.root, directories, files };
}

function removesFull(
  directories: ReadonlyMap<number, ReadonlyMap<string, number>>,
  { changes }: Effect & { is: "names" },
): boolean {
  const [change, ...others] = changes;
  if (!change || change.node !== null || others.length > 0) return false;
  const removed = directories.get(change.directory)?.get(change.name);
  return removed !== undefined && (directories.get(removed)?.size ?? 0) > 0;
}

function resized(bytes: Buffer | undefined, sizeBytes: number): Buffer {
  const result = Buffer.alloc(sizeBytes);
  bytes?.copy(result, 0, 0, Math.min(bytes.length, sizeBytes));
  return result;
}

function written(before: Buffer | undefined, { at, bytes }: Effect & { is: "write" }, fate: Fate): Buffer {
  const result = resized(before, Math.max(before?.length ?? 0, at + bytes.length));
  if (fate.is === "size only") return result;
  if (fate.is !== "torn") {
    bytes.copy(result, at);
    return result;
  }
  for (let from = at; from < at + bytes.length; ) {
    const end = Math.min((Math.floor(from / sectorBytes) + 1) * sectorBytes, at + bytes.length);
    if (fate.hasSector(Math.floor(from / sectorBytes))) bytes.copy(result, from, from - at, end - at);
    from = end;
  }
  return result;
}
