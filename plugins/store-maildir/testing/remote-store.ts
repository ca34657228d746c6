/** A store in another process: see `remote-worker.ts`. Asks are answered one after the other. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { MaildirStoreOptions } from "../store.ts";

export interface SeenMessage {
  readonly uid: number;
  readonly flags: readonly string[];
  readonly sizeBytes: number;
  readonly subject: string;
}

export interface Seen {
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly messages: readonly SeenMessage[];
}

export type Ask =
  | { readonly do: "use"; readonly home: string; readonly options: Partial<MaildirStoreOptions> }
  | { readonly do: "seen" | "create" | "delete" | "close"; readonly box: string }
  | {
      readonly do: "append";
      readonly box: string;
      readonly subjects: readonly string[];
      readonly flags: readonly string[];
    }
  | { readonly do: "deliver"; readonly box: string; readonly subject: string }
  | {
      readonly do: "flag";
      readonly box: string;
      readonly uids: readonly number[];
      readonly mode: "add" | "remove" | "replace";
      readonly flags: readonly string[];
    }
  | { readonly do: "expunge"; readonly box: string; readonly uids: readonly number[] | null }
  | { readonly do: "copy" | "move"; readonly box: string; readonly uids: readonly number[]; readonly to: string }
  | { readonly do: "rename"; readonly box: string; readonly to: string }
  | { readonly do: "subscribe"; readonly box: string; readonly isSubscribed: boolean }
  | { readonly do: "list" | "uniqueIds" };

interface Answer {
  readonly value?: unknown;
  readonly code?: string;
  readonly text?: string;
}

export class RemoteStore {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #waiting: ((answer: Answer) => void)[] = [];
  readonly ready: Promise<void>;
  errors = "";

  constructor(owner: { readonly uid?: number; readonly gid?: number } = {}) {
    const worker = fileURLToPath(new URL("remote-worker.ts", import.meta.url));
    this.#child = spawn(process.execPath, ["--conditions=postern-source", "--import", "tsx", worker], {
      cwd: fileURLToPath(new URL("../../..", import.meta.url)),
      stdio: ["pipe", "pipe", "pipe"],
      ...owner,
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.errors += text;
    });
    this.ready = new Promise((resolve, reject) => {
      createInterface({ input: this.#child.stdout }).on("line", (line) => {
        if (line === "ready") resolve();
        else this.#waiting.shift()?.(JSON.parse(line));
      });
      this.#child.once("exit", () => {
        reject(new Error(`the other process ended: ${this.errors}`));
        for (const tell of this.#waiting.splice(0)) tell({ code: "ended", text: this.errors });
      });
    });
    this.ready.catch(() => undefined);
  }

  async ask<T = unknown>(ask: Ask): Promise<T> {
    await this.ready;
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.push(resolve);
      this.#child.stdin.write(`${JSON.stringify(ask)}\n`);
    });
    if (answer.code !== undefined) throw Object.assign(new Error(`${ask.do}: ${answer.text}`), { code: answer.code });
    return answer.value as T;
  }

  seen(box: string): Promise<Seen> {
    return this.ask<Seen>({ do: "seen", box });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }
}
