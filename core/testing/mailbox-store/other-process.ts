/** Runs `process-worker` in a process of its own, and kills it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Account } from "../../contracts/account.ts";
import type { StoreElsewhere } from "./rig.ts";

export interface Said {
  readonly subject: string;
  readonly uid: number;
}

export type Work = "append" | "deliver" | "copy" | "move" | "expunge" | "flags" | "manyFlags" | "keywords" | "rename";

export interface WorkOrder extends StoreElsewhere {
  readonly account: Account;
  readonly work: Work;
  /** Subjects begin with it. */
  readonly tag: string;
}

const isSource = import.meta.url.endsWith(".ts");
const worker = isSource
  ? new URL("./process-worker.ts", import.meta.url)
  : new URL("./process-worker.js", import.meta.url);

export class OtherProcess {
  readonly ready: Promise<void>;
  readonly #child: ChildProcess;
  readonly #said: Said[] = [];
  readonly #ended: Promise<unknown>;
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  #errors = "";

  /** `who`: as which user it runs, where that is not our own. */
  constructor(order: WorkOrder, who: { readonly uid?: number; readonly gid?: number } = {}) {
    const how = isSource ? ["--conditions=postern-source", "--import", "tsx"] : [];
    this.#child = spawn(process.execPath, [...how, fileURLToPath(worker), JSON.stringify(order)], {
      stdio: ["ignore", "pipe", "pipe"],
      ...who,
    });
    const { stdout, stderr } = this.#child;
    if (!stdout || !stderr) throw new Error("no pipes");
    stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#errors += text;
    });
    const lines = createInterface({ input: stdout });
    this.ready = new Promise((resolve, reject) => {
      lines.on("line", (line) => {
        const said = JSON.parse(line) as Said;
        if (said.subject === "ready") {
          resolve();
          return;
        }
        this.#said.push(said);
        this.#waiting = this.#waiting.filter(({ count, resolve }) => this.#said.length < count || resolve());
      });
      this.#child.once("exit", () => {
        for (const { resolve } of this.#waiting.splice(0)) resolve();
        reject(new Error(`the other process ended: ${this.#errors}`));
      });
    });
    // Whoever waits for it is told; one that nobody waits for may end.
    this.ready.catch(() => undefined);
    this.#ended = Promise.all([once(this.#child, "exit"), once(lines, "close")]);
  }

  /** When it has said so many things, or has ended. */
  saidTimes(count: number): Promise<void> {
    if (this.#said.length >= count || this.#child.exitCode !== null) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  /** kill -9, at whatever it is doing. Answers what it had said. */
  async kill(): Promise<readonly Said[]> {
    this.#child.kill("SIGKILL");
    await this.#ended;
    if (this.#errors !== "") throw new Error(`the other process failed: ${this.#errors}`);
    return this.#said;
  }
}
