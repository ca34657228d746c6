/**
 * The history of a directory tree: each operation that changes the disk or makes it keep something, with the moments at which it
 * began and ended. From this it can be said for any moment what must be on disk after a power cut, and what may be.
 *
 * Moments are counted: each beginning, each end and each mark is one. An operation that failed without effect is left out; one that
 * failed and may have had one (`unknown`) may or may not be on disk for ever after, no flush of the file makes it certain.
 */
import { dirname, relative } from "node:path";
import type { Image } from "./image.ts";

export interface NameChange {
  readonly directory: number;
  readonly name: string;
  /** `null`: the name goes. */
  readonly node: number | null;
}

export type Effect =
  | {
      readonly is: "write";
      readonly node: number;
      readonly at: number;
      readonly bytes: Buffer;
      readonly flushes: boolean;
    }
  | { readonly is: "size"; readonly node: number; readonly sizeBytes: number }
  /** All of them or none. `after`: the operation that made the name that this one moves. */
  | { readonly is: "names"; readonly changes: readonly NameChange[]; readonly after: number | null }
  /** A file's content, or a directory's names. */
  | { readonly is: "flush"; readonly node: number };

export interface Operation {
  readonly effect: Effect;
  readonly begun: number;
  /** `Infinity`: it never did. */
  ended: number;
  result: "ok" | "unknown" | "without effect" | null;
  /** For people. */
  readonly text: string;
}

export class Recording {
  readonly operations: Operation[] = [];
  readonly base: Image;
  readonly #directory: string;
  /** The tree as programs see it. */
  readonly #names: Map<number, Map<string, number>>;
  /** Which operation made a name last. */
  readonly #makers = new Map<string, number>();
  #nodes: number;
  #now = 0;

  /** `base`: what is on disk, all of it for certain, as `directory`. */
  constructor(directory: string, base: Image) {
    this.#directory = directory;
    this.base = base;
    this.#names = new Map([...base.directories].map(([node, names]) => [node, new Map(names)]));
    this.#nodes = 1 + Math.max(base.root, ...base.directories.keys(), ...base.files.keys());
  }

  /** The moment that is now. */
  get now(): number {
    return this.#now;
  }

  /** Something happened that is no operation; answers its moment. */
  mark(): number {
    this.#now += 1;
    return this.#now;
  }

  isInside(path: string): boolean {
    const way = relative(this.#directory, path);
    return way !== ".." && !way.startsWith("../");
  }

  /** `null`: there is no such thing, or it lies elsewhere. */
  nodeAt(path: string): number | null {
    if (!this.isInside(path)) return null;
    let node: number | null = this.base.root;
    for (const step of relative(this.#directory, path).split("/")) {
      if (step === "" || node === null) continue;
      node = this.#names.get(node)?.get(step) ?? null;
    }
    return node;
  }

  newFile(): number {
    return this.#nodes++;
  }

  newDirectory(): number {
    const node = this.#nodes++;
    this.#names.set(node, new Map());
    return node;
  }

  isDirectory(node: number): boolean {
    return this.#names.has(node);
  }

  /** What a name in the tree becomes. `null`: its directory is not there. */
  change(path: string, node: number | null): NameChange | null {
    const directory = this.nodeAt(dirname(path));
    return directory === null ? null : { directory, name: path.slice(dirname(path).length + 1), node };
  }

  /** A name that moves needs the operation that made it. */
  makerOf(change: NameChange): number | null {
    return this.#makers.get(`${change.directory}/${change.name}`) ?? null;
  }

  begin(effect: Effect, text: string): Operation {
    this.#now += 1;
    const operation: Operation = { effect, begun: this.#now, ended: Number.POSITIVE_INFINITY, result: null, text };
    this.operations.push(operation);
    return operation;
  }

  end(operation: Operation, result: "ok" | "unknown" | "without effect"): void {
    this.#now += 1;
    operation.ended = this.#now;
    operation.result = result;
    const { effect } = operation;
    if (effect.is !== "names" || result === "without effect") return;
    for (const { directory, name, node } of effect.changes) {
      const names = this.#names.get(directory);
      if (node === null) names?.delete(name);
      else names?.set(name, node);
      this.#makers.set(`${directory}/${name}`, this.operations.indexOf(operation));
    }
  }
}
