/**
 * What a transfer has done, on disk before the next step: so that one that was killed at any point goes on where it was, and one that is
 * run again brings only what is new. One line of JSON a step; half a line at the end was never promised.
 */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { exitCodes } from "../../../kernel/exit-codes.ts";
import { CommandError } from "../../command-error.ts";

interface JobLine {
  readonly is: "job";
  readonly version: 1;
  readonly source: string;
  readonly target: string;
}
interface FolderLine {
  readonly is: "folder";
  readonly folder: string;
  readonly sourceUidValidity: number | null;
  readonly targetUidValidity: number | null;
  readonly keepsUids: boolean;
}
/** About to be appended behind `mark`. */
interface TryLine {
  readonly is: "try";
  readonly folder: string;
  readonly mark: number;
  readonly messages: readonly { readonly key: string; readonly digest: string; readonly flags: readonly string[] }[];
}
interface DoneLine {
  readonly is: "done";
  readonly folder: string;
  readonly messages: readonly {
    readonly key: string;
    readonly uid: number | null;
    readonly flags: readonly string[];
  }[];
}
/** Taken away again, as the source has it no longer. */
interface GoneLine {
  readonly is: "gone";
  readonly folder: string;
  readonly keys: readonly string[];
}
export type JournalLine = JobLine | FolderLine | TryLine | DoneLine | GoneLine;

export interface Transferred {
  readonly uid: number | null;
  readonly flags: readonly string[];
}

export interface FolderState {
  sourceUidValidity: number | null;
  targetUidValidity: number | null;
  keepsUids: boolean;
  readonly done: Map<string, Transferred>;
  pending: TryLine | null;
}

export class Journal {
  readonly folders = new Map<string, FolderState>();
  readonly #path: string;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** Refuses while another run has it, and one that is of another job. */
  static async open(path: string, job: { readonly source: string; readonly target: string }): Promise<Journal> {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    lock(`${path}.lock`);
    try {
      const file = await open(path, "a+", 0o600);
      const journal = new Journal(path, file);
      const { lines, wholeBytes } = linesOf(await file.readFile());
      await file.truncate(wholeBytes);
      for (const line of lines) journal.#take(line);
      const [first] = lines;
      if (!first) await journal.write({ is: "job", version: 1, ...job });
      else if (first.is !== "job" || first.source !== job.source || first.target !== job.target) {
        await file.close();
        throw new CommandError(`${path} is the state of another transfer`, exitCodes.dataError);
      }
      return journal;
    } catch (cause) {
      rmSync(`${path}.lock`, { force: true });
      throw cause;
    }
  }

  async write(line: JournalLine): Promise<void> {
    await this.#file.appendFile(`${JSON.stringify(line)}\n`);
    await this.#file.datasync();
    this.#take(line);
  }

  #take(line: JournalLine): void {
    if (line.is === "job") return;
    const state = this.folders.get(line.folder) ?? {
      sourceUidValidity: null,
      targetUidValidity: null,
      keepsUids: false,
      done: new Map<string, Transferred>(),
      pending: null,
    };
    this.folders.set(line.folder, state);
    switch (line.is) {
      case "folder": {
        const { sourceUidValidity, targetUidValidity, keepsUids } = line;
        Object.assign(state, { sourceUidValidity, targetUidValidity, keepsUids });
        return;
      }
      case "try":
        state.pending = line;
        return;
      case "done":
        for (const { key, uid, flags } of line.messages) state.done.set(key, { uid, flags });
        state.pending = null;
        return;
      case "gone":
        for (const key of line.keys) state.done.delete(key);
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
    rmSync(`${this.#path}.lock`, { force: true });
  }
}

function linesOf(bytes: Buffer): { readonly lines: readonly JournalLine[]; readonly wholeBytes: number } {
  const wholeBytes = bytes.lastIndexOf(10) + 1;
  const texts = bytes.toString("utf8", 0, wholeBytes).split("\n");
  texts.pop();
  return { lines: texts.map((text) => JSON.parse(text) as JournalLine), wholeBytes };
}

/** A killed run leaves its lock, which names who had it. */
function lock(path: string): void {
  for (let tries = 0; tries < 2; tries++) {
    try {
      const fd = openSync(path, "wx", 0o600);
      writeSync(fd, String(process.pid));
      closeSync(fd);
      return;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
      if (isAlive(Number(readFileSync(path, "latin1")))) break;
      rmSync(path, { force: true });
    }
  }
  throw new CommandError(`this transfer runs already (${path})`, exitCodes.tempFail);
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}
