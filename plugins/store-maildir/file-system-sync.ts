/**
 * Flushes a whole file system, off this process: a shell that lives as long as the store runs sync(1), which calls syncfs(2), which
 * Node does not have. One call makes any number of files and names durable. `null` where it cannot be had: flush one by one then.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";

/** Signals to the whole process group are for the server: the shell ends when its input does. */
const SCRIPT = `trap '' INT TERM HUP; while IFS= read -r path; do if sync -f -- "$path"; then echo 0; else echo 1; fi; done`;

type Shell = ChildProcessByStdio<Writable, Readable, null>;

export class FileSystemSync {
  #shell: Shell | null = null;
  #isMissing = false;
  readonly #asked: { resolve(): void; reject(cause: Error): void }[] = [];

  /** Resolves when all that was written to the file system of `path` before is on disk; rejects when the disk failed. */
  sync(path: string): Promise<void> | null {
    if (this.#isMissing || path.includes("\n")) return null;
    this.#shell ??= this.#start();
    const { stdin } = this.#shell;
    return new Promise((resolve, reject) => {
      this.#asked.push({ resolve, reject });
      stdin.write(`${path}\n`);
    });
  }

  close(): void {
    this.#shell?.stdin.end();
    this.#shell = null;
  }

  #start(): Shell {
    const shell = spawn("sh", ["-c", SCRIPT], { stdio: ["pipe", "pipe", "ignore"], cwd: "/" });
    // It must not keep a process alive that has nothing else to do.
    shell.unref();
    for (const stream of [shell.stdin, shell.stdout]) (stream as unknown as { unref?(): void }).unref?.();
    shell.stdin.on("error", () => this.#lost(shell, false));
    shell.on("error", () => this.#lost(shell, true));
    shell.on("close", () => this.#lost(shell, false));
    shell.stdout.setEncoding("ascii").on("data", (text: string) => {
      for (const digit of text.replace(/\D/g, "")) {
        const next = this.#asked.shift();
        if (digit === "0") next?.resolve();
        else next?.reject(Object.assign(new Error("the file system could not be flushed"), { code: "EIO" }));
      }
    });
    return shell;
  }

  /** Whoever waits does not know whether it was flushed, and may not take it for so. */
  #lost(shell: Shell, isMissing: boolean): void {
    if (isMissing) this.#isMissing = true;
    if (this.#shell === shell) this.#shell = null;
    for (const { reject } of this.#asked.splice(0))
      reject(Object.assign(new Error("the flush was broken off"), { code: "EIO" }));
  }
}
