/** The spool's disk with one fault in it: the nth operation fails, or all from there on until the fault is over. */
import { realFiles, type SpoolFiles } from "../../../core/spool/files.ts";
import { diskError } from "../../../core/testing/failing-files.ts";

export const faultCodes = ["ENOSPC", "EIO", "EMFILE", "EROFS"] as const;
export type FaultCode = (typeof faultCodes)[number];
/** `once`: that operation, not done. `done`: that operation, done all the same. `lasting`: all that can fail so, until it is over. */
export const faultKinds = ["once", "done", "lasting"] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  readonly code: FaultCode;
  readonly kind: FaultKind;
  /** Counted from 1. */
  readonly operation: number;
}

type Operation = keyof SpoolFiles;

const opening: readonly Operation[] = ["openRead", "openWrite", "create", "flushDirectory", "nameChunks", "names"];
const writing: readonly Operation[] = ["create", "write", "flush", "truncate", "link", "rename", "makeDirectory"];
const changing: readonly Operation[] = [...writing, "openWrite", "unlink", "removeDirectory", "flushDirectory"];

/** Which operations a file system answers like that. */
const canFail: Readonly<Record<FaultCode, (operation: Operation) => boolean>> = {
  ENOSPC: (operation) => writing.includes(operation) || operation === "flushDirectory",
  // A file system that does not tell its free space is not held against anybody.
  EIO: (operation) => operation !== "freeBytes",
  EMFILE: (operation) => opening.includes(operation),
  EROFS: (operation) => changing.includes(operation),
};

export class FaultyFiles {
  readonly files: SpoolFiles;
  /** The operations that failed. */
  readonly failed: Operation[] = [];
  #count = 0;
  #isOver = false;
  readonly #fault: Fault | null;

  /** `null`: only counts. */
  constructor(fault: Fault | null) {
    this.#fault = fault;
    const wrap =
      <A extends readonly unknown[], T>(operation: Operation, work: (...given: A) => Promise<T>) =>
      async (...given: A): Promise<T> => {
        const error = this.#next(operation);
        if (error && this.#fault?.kind !== "done") throw error;
        try {
          const result = await work(...given);
          if (!error) return result;
        } catch (ownError) {
          // It would have failed anyhow, as somebody may expect: no fault of ours.
          if (error) this.failed.pop();
          throw ownError;
        }
        throw error;
      };
    const next = (operation: Operation) => this.#next(operation);
    this.files = {
      openRead: wrap("openRead", realFiles.openRead),
      openWrite: wrap("openWrite", realFiles.openWrite),
      create: wrap("create", realFiles.create),
      close: realFiles.close,
      write: wrap("write", realFiles.write),
      read: wrap("read", realFiles.read),
      flush: wrap("flush", realFiles.flush),
      truncate: wrap("truncate", realFiles.truncate),
      sizeBytes: wrap("sizeBytes", realFiles.sizeBytes),
      link: wrap("link", realFiles.link),
      rename: wrap("rename", realFiles.rename),
      unlink: wrap("unlink", realFiles.unlink),
      makeDirectory: wrap("makeDirectory", realFiles.makeDirectory),
      removeDirectory: wrap("removeDirectory", realFiles.removeDirectory),
      flushDirectory: wrap("flushDirectory", realFiles.flushDirectory),
      names: wrap("names", realFiles.names),
      async *nameChunks(path) {
        const error = next("nameChunks");
        if (error) throw error;
        yield* realFiles.nameChunks(path);
      },
      freeBytes: wrap("freeBytes", realFiles.freeBytes),
    };
  }

  /** How many operations there were. */
  get count(): number {
    return this.#count;
  }

  end(): void {
    this.#isOver = true;
  }

  #next(operation: Operation): Error | null {
    this.#count += 1;
    const fault = this.#fault;
    if (!fault || this.#isOver || this.#count < fault.operation || !canFail[fault.code](operation)) return null;
    // The first from there on that can fail like that.
    if (fault.kind !== "lasting" && this.failed.length > 0) return null;
    this.failed.push(operation);
    return diskError(fault.code);
  }
}
