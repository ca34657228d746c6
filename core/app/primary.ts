/**
 * The primary: forks the workers, forks again what dies, ends what is silent, passes hints on, and drains at SIGTERM and
 * SIGINT. It does no mail work. A worker that cannot start at all ends the server with its message and exit code. One that cannot
 * start any more later on is forked without listeners after two tries, so that its mail does not wait for what ails them.
 */
import cluster, { type Worker } from "node:cluster";
import type { Log } from "../contracts/log.ts";
import { exitCodes } from "../kernel/exit-codes.ts";
import { type FromWorker, SILENCE_MS, TASK_VARIABLE, type ToWorker, type WorkerTask } from "./messages.ts";
import { answerFile } from "./root-files.ts";
import { StartError } from "./start-error.ts";
import type { UnixSockets } from "./unix-sockets.ts";

export interface PrimaryOptions {
  readonly tasks: readonly WorkerTask[];
  /** File that a worker runs. */
  readonly workerFile: string;
  readonly execArgv: readonly string[];
  readonly log: Log;
  /** Certificates that it reads for workers that may not. */
  readonly certificatePaths: ReadonlySet<string>;
  /** Unix sockets that are about to be bound, and those that are. */
  readonly sockets: UnixSockets;
  /** How long a worker has to live to count as one that works; another time only in tests. */
  readonly steadyMs?: number;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;
/** A worker that lived for so long has started well: the next pause is short again, and it may listen again. */
const STEADY_MS = 60_000;
/** So often in a row a worker ends before it is ready; then it has to do without listeners. */
const FAILED_STARTS = 2;

interface Place {
  readonly task: WorkerTask;
  worker: Worker | null;
  heardAt: number;
  startedAt: number;
  pauseMs: number;
  isReady: boolean;
  failedStarts: number;
  /** It has to do without its listeners for now. */
  isRelieved: boolean;
}

export class Primary {
  readonly #places: Place[];
  readonly #log: Log;
  readonly #certificatePaths: ReadonlySet<string>;
  readonly #sockets: UnixSockets;
  readonly #steadyMs: number;
  #stopping: Promise<void> | null = null;
  #watch: NodeJS.Timeout | null = null;
  #onSettled: ((failure: StartError | null) => void) | null = null;
  #onGone: () => void = () => {};

  constructor({ tasks, workerFile, execArgv, log, certificatePaths, sockets, steadyMs }: PrimaryOptions) {
    this.#steadyMs = steadyMs ?? STEADY_MS;
    this.#log = log;
    this.#certificatePaths = certificatePaths;
    this.#sockets = sockets;
    this.#places = tasks.map((task) => ({
      task,
      worker: null,
      heardAt: 0,
      startedAt: 0,
      pauseMs: FIRST_PAUSE_MS,
      isReady: false,
      failedStarts: 0,
      isRelieved: false,
    }));
    // Shared handles: a worker accepts by itself, and no connection passes through here.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({ exec: workerFile, execArgv: [...execArgv], serialization: "advanced" });
  }

  /** Resolves when every worker is ready; rejects with the first one's `StartError` if any cannot start. */
  async start(): Promise<void> {
    await this.#sockets.clear();
    const failure = await new Promise<StartError | null>((resolve) => {
      this.#onSettled = resolve;
      for (const place of this.#places) this.#fork(place);
    });
    this.#onSettled = null;
    if (failure) {
      await this.stop();
      throw failure;
    }
    this.#watch = setInterval(() => this.#endSilent(), SILENCE_MS / 4);
  }

  /** Tells all workers to drain; resolves when the last has ended. Safe to call twice. */
  stop(): Promise<void> {
    this.#stopping ??= this.#drain();
    return this.#stopping;
  }

  async #drain(): Promise<void> {
    if (this.#watch) clearInterval(this.#watch);
    if (this.#isEmpty()) return;
    await new Promise<void>((resolve) => {
      this.#onGone = resolve;
      for (const { worker } of this.#places) if (worker) tell(worker, { is: "drain" });
    });
  }

  #isEmpty(): boolean {
    return this.#places.every(({ worker }) => worker === null);
  }

  /** Ends without draining: what was promised is in the spool. */
  kill(): void {
    for (const { worker } of this.#places) worker?.process.kill("SIGKILL");
  }

  #fork(place: Place): void {
    place.startedAt = place.heardAt = Date.now();
    place.isReady = false;
    const listens = place.task.listens && place.failedStarts < FAILED_STARTS;
    let worker: Worker;
    try {
      worker = cluster.fork({ [TASK_VARIABLE]: JSON.stringify({ ...place.task, listens }) });
    } catch (error) {
      // Too little memory for a process, for one: it is no reason for this one to end.
      this.#log.error({ slot: place.task.slot, cause: String(error) }, "worker cannot be forked");
      setImmediate(() => this.#exited(place, null, null));
      return;
    }
    place.worker = worker;
    place.isRelieved = place.task.listens && !listens;
    if (place.isRelieved) {
      const { slot } = place.task;
      this.#log.error({ slot }, "worker could not start again and again: it works off its mail without listeners");
    }
    worker.on("message", (message: FromWorker) => this.#hear(place, worker, message));
    worker.on("error", (error) => {
      this.#log.error({ slot: place.task.slot, cause: error.message }, "worker cannot be reached");
      // There is no process, so none will exit.
      if (worker.process.pid === undefined) this.#exited(place, null, null);
    });
    worker.on("listening", ({ address, addressType }) => {
      if (addressType === -1) this.#bound(address);
    });
    worker.on("exit", (code, signal) => this.#exited(place, code, signal));
  }

  #hear(place: Place, from: Worker, message: FromWorker): void {
    place.heardAt = Date.now();
    switch (message.is) {
      case "ready":
        place.isReady = true;
        if (place.isRelieved) this.#listenAgainLater(place, from);
        // It could not hear us before.
        if (this.#stopping) tell(from, { is: "drain" });
        if (this.#places.every(({ isReady }) => isReady)) this.#onSettled?.(null);
        return;
      case "failed":
        if (this.#onSettled) this.#onSettled(new StartError(message.text, message.exitCode));
        // The first failure ended the start and is told; the other workers fail for the same reason.
        else if (this.#stopping === null)
          this.#log.error({ slot: place.task.slot, cause: message.text }, "worker cannot start");
        return;
      case "hint":
        for (const { worker } of this.#places) if (worker && worker !== from) tell(worker, message);
        return;
      case "flush":
        for (const { worker } of this.#places) if (worker && worker !== from) tell(worker, message);
        return;
      case "alive":
        return;
      case "file":
        void answerFile(message, this.#certificatePaths).then((answer) => tell(from, answer));
        return;
    }
  }

  #bound(path: string): void {
    this.#sockets.bound(path).catch((error: unknown) => {
      this.#log.error({ path, cause: String(error) }, "mode or owner of the socket could not be set");
    });
  }

  // The process has been reaped when this is called: nobody else uses its spool any more.
  #exited(place: Place, code: number | null, signal: string | null): void {
    place.worker = null;
    if (this.#stopping) {
      if (!this.#isEmpty()) return;
      this.#onSettled?.(null);
      this.#onGone();
      return;
    }
    if (this.#onSettled) {
      this.#onSettled(new StartError(`a worker ended while starting (${signal ?? code})`, exitCodes.software));
      return;
    }
    const isSteady = Date.now() - place.startedAt >= this.#steadyMs;
    place.failedStarts = place.isReady ? 0 : place.failedStarts + 1;
    place.pauseMs = isSteady ? FIRST_PAUSE_MS : Math.min(place.pauseMs * 2, LONGEST_PAUSE_MS);
    const about = { slot: place.task.slot, code, signal, pauseMs: place.pauseMs };
    if (code === 0) this.#log.info(about, "worker has ended; another one takes over its mail");
    else this.#log.error(about, "worker died; another one takes over its mail");
    setTimeout(() => {
      if (this.#stopping === null) this.#fork(place);
    }, place.pauseMs);
  }

  /** It drains when it has lived long enough; the next one tries its listeners anew. */
  #listenAgainLater(place: Place, worker: Worker): void {
    const timer = setTimeout(() => {
      if (this.#stopping === null && place.worker === worker) tell(worker, { is: "drain" });
    }, this.#steadyMs);
    worker.once("exit", () => clearTimeout(timer));
  }

  #endSilent(): void {
    for (const { worker, heardAt, task } of this.#places) {
      if (!worker || Date.now() - heardAt < SILENCE_MS) continue;
      this.#log.error(
        { slot: task.slot, silentMs: Date.now() - heardAt },
        "worker does not answer any more and is ended",
      );
      worker.process.kill("SIGKILL");
    }
  }
}

function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message);
}
