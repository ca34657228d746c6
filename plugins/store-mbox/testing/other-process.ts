/** Runs `worker.ts` in a process of its own and kills it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface Said {
  readonly subject: string;
  readonly uid: number;
}

export interface OtherProcessInit {
  readonly home: string;
  readonly work: "append" | "deliver" | "move" | "expunge" | "widen";
  /** Subjects begin with it. */
  readonly tag?: string;
  readonly uid?: number;
  readonly gid?: number;
}

const worker = fileURLToPath(new URL("worker.ts", import.meta.url));

export class OtherProcess {
  readonly ready: Promise<void>;
  readonly #child: ChildProcess;
  readonly #said: Said[] = [];
  readonly #ended: Promise<unknown>;
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  #errors = "";

  constructor({ home, work, tag = "w", ...who }: OtherProcessInit) {
    this.#child = spawn(process.execPath, ["--conditions=postern-source", "--import", "tsx", worker, home, work, tag], {
      cwd: fileURLToPath(new URL("../../..", import.meta.url)),
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
        const said: Said = JSON.parse(line);
        if (said.subject === "ready") return resolve();
        this.#said.push(said);
        this.#waiting = this.#waiting.filter(({ count, resolve }) => this.#said.length < count || resolve());
      });
      this.#child.once("exit", () => reject(new Error(`the other process ended: ${this.#errors}`)));
    });
    this.ready.catch(() => undefined);
    this.#ended = Promise.all([once(this.#child, "exit"), once(lines, "close")]);
  }

  /** When it has said so many things. */
  saidTimes(count: number): Promise<void> {
    if (this.#said.length >= count) return Promise.resolve();
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
