/**
 * The primary: forks the workers, forks again what dies, ends what is silent, passes hints on, and drains at SIGTERM and
 * SIGINT. It does no mail work. A worker that cannot start at all ends the server with its message and exit code.
 */
import cluster, { type Worker } from "node:cluster";
import type { Log } from "../contracts/log.ts";
import { type FromWorker, SILENCE_MS, TASK_VARIABLE, type ToWorker, type WorkerTask } from "./messages.ts";
import { answerFile } from "./root-files.ts";
import { exitCodes, StartError } from "./start-error.ts";
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
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;
/** A worker that lived for so long has started well: the next pause is short again. */
const STEADY_MS = 60_000;

interface Place {
  readonly task: WorkerTask;
  worker: Worker | null;
  heardAt: number;
  startedAt: number;
  pauseMs: number;
  isReady: boolean;
}

export class Primary {
  readonly #places: Place[];
  readonly #log: Log;
  readonly #certificatePaths: ReadonlySet<string>;
  readonly #sockets: UnixSockets;
  #stopping: Promise<void> | null = null;
  #watch: NodeJS.Timeout | null = null;
  #onSettled: ((failure: StartError | null) => void) | null = null;
  #onGone: () => void = () => {};

  constructor({ tasks, workerFile, execArgv, log, certificatePaths, sockets }: PrimaryOptions) {
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
    const worker = cluster.fork({ [TASK_VARIABLE]: JSON.stringify(place.task) });
    place.worker = worker;
    place.startedAt = place.heardAt = Date.now();
    place.isReady = false;
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
        for (const { worker } of this.#places)
          if (worker && worker !== from) tell(worker, { is: "hint", topic: message.topic });
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
    const isSteady = Date.now() - place.startedAt >= STEADY_MS;
    place.pauseMs = isSteady ? FIRST_PAUSE_MS : Math.min(place.pauseMs * 2, LONGEST_PAUSE_MS);
    this.#log.error(
      { slot: place.task.slot, code, signal, pauseMs: place.pauseMs },
      "worker died; another one takes over its mail",
    );
    setTimeout(() => {
      if (this.#stopping === null) this.#fork(place);
    }, place.pauseMs);
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
