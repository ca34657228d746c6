/** What primary and workers say to each other. The channel carries facts about processes and hints, never mail. */

/** Handed to a worker when it is forked, as JSON in its environment. */
export interface WorkerTask {
  /** Number of its spool directory. */
  readonly slot: number;
  /** Without listeners it only works off what its spool holds. */
  readonly listens: boolean;
  readonly configFile: string;
}

export type FromWorker =
  | { readonly is: "ready"; readonly listeners: readonly { readonly name: string; readonly at: string }[] }
  | { readonly is: "failed"; readonly text: string; readonly exitCode: number }
  | { readonly is: "alive" }
  | { readonly is: "hint"; readonly topic: string };

export type ToWorker = { readonly is: "drain" } | { readonly is: "hint"; readonly topic: string };

export const TASK_VARIABLE = "POSTERN_WORKER";
export const HEARTBEAT_MS = 5_000;
/** A worker whose event loop was silent for so long is killed; its mail is in its spool. */
export const SILENCE_MS = 60_000;
