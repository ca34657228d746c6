/**
 * Works out expensive password hashes on threads of its own: clients are served meanwhile, and the file system's thread pool
 * stays free. A bounded number waits; beyond that a task rejects with `PoolBusy`, which is "not now", never "wrong".
 * A thread that dies takes one task with it, which rejects; the next one starts a new thread. Each task is published on
 * `diagnostics_channel("postern:hash")` by its kind and cost, free when nobody listens.
 */
import { channel } from "node:diagnostics_channel";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { HashAnswer, HashResults, HashTask } from "./hash-thread.ts";
import { parseSecret } from "./scheme.ts";
import { schemeNamed } from "./table.ts";

export class PoolBusy extends Error {
  readonly code = "HASH_POOL_BUSY";
}

export interface HashPoolOptions {
  /** Default: one less than the machine has cores, at least one, at most four. */
  readonly threads?: number;
  /** Tasks that may wait for a thread. Default: 256. */
  readonly waiting?: number;
}

interface Job {
  readonly task: HashTask;
  resolve(result: HashResults[keyof HashResults]): void;
  reject(error: Error): void;
}

interface Thread {
  readonly worker: Worker;
  job: Job | null;
}

export class HashPool {
  readonly #threadLimit: number;
  readonly #waitingLimit: number;
  readonly #threads = new Set<Thread>();
  readonly #waiting: Job[] = [];
  #isClosed = false;

  constructor(options: HashPoolOptions = {}) {
    this.#threadLimit = options.threads ?? Math.max(1, Math.min(4, availableParallelism() - 1));
    this.#waitingLimit = options.waiting ?? 256;
  }

  run<K extends HashTask["do"]>(task: HashTask & { readonly do: K }): Promise<HashResults[K]> {
    if (this.#isClosed || this.#waiting.length >= this.#waitingLimit) {
      return Promise.reject(new PoolBusy("too many logins at once"));
    }
    if (tasks.hasSubscribers) tasks.publish(workOf(task));
    return new Promise<HashResults[keyof HashResults]>((resolve, reject) => {
      this.#waiting.push({ task, resolve, reject });
      this.#next();
    }) as Promise<HashResults[K]>; // a thread answers each task with its own result
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const job of this.#waiting.splice(0)) job.reject(new PoolBusy("the server is ending"));
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
  }

  #next(): void {
    if (this.#isClosed || this.#waiting.length === 0) return;
    const thread = this.#freeThread();
    const job = thread && this.#waiting.shift();
    if (!job) return;
    thread.job = job;
    thread.worker.ref();
    thread.worker.postMessage(job.task);
  }

  #freeThread(): Thread | null {
    for (const thread of this.#threads) if (!thread.job) return thread;
    return this.#threads.size < this.#threadLimit ? this.#start() : null;
  }

  #start(): Thread {
    const thread: Thread = { worker: newWorker(), job: null };
    this.#threads.add(thread);
    thread.worker.on("message", (answer: HashAnswer) => {
      const job = thread.job;
      thread.job = null;
      // A thread without work keeps no process alive.
      thread.worker.unref();
      if ("error" in answer) job?.reject(new Error(answer.error));
      else job?.resolve(answer.result);
      this.#next();
    });
    let cause: Error | null = null;
    thread.worker.on("error", (error) => {
      cause = error;
    });
    thread.worker.on("exit", () => {
      this.#threads.delete(thread);
      thread.job?.reject(new Error("the hash thread ended", { cause }));
      thread.job = null;
      this.#next();
    });
    return thread;
  }
}

const tasks = channel("postern:hash");

/** What a task costs, in words; nothing of the secret. */
function workOf(task: HashTask): { readonly work: string } {
  if (task.do === "make") return { work: `make ${task.as.scheme}` };
  if (task.do === "scramKeys") return { work: `scram ${task.cost.hash} ${task.cost.iterations}` };
  const secret = parseSecret(task.secret);
  return { work: `verify ${secret?.scheme} ${secret && schemeNamed(secret.scheme)?.cost(secret)}` };
}

function newWorker(): Worker {
  if (!import.meta.url.endsWith(".ts")) return new Worker(new URL("./hash-thread.js", import.meta.url));
  // Run from source: a thread does not have the loader of the process.
  const jiti = createRequire(import.meta.url).resolve("jiti");
  const thread = new URL("./hash-thread.ts", import.meta.url).href;
  return new Worker(
    `require(${JSON.stringify(jiti)}).createJiti(${JSON.stringify(thread)}).import(${JSON.stringify(thread)});`,
    {
      eval: true,
    },
  );
}
