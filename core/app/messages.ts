/** What primary and workers say to each other. The channel carries facts about processes and hints, never mail. */

/** Handed to a worker when it is forked, as JSON in its environment. */
export interface WorkerTask {
  /** Number of its spool directory. */
  readonly slot: number;
  /** Without listeners it only works off what its spool holds. */
  readonly listens: boolean;
  readonly configFile: string;
  /** No other worker runs beside it. */
  readonly isAlone: boolean;
}

export type FromWorker =
  | { readonly is: "ready"; readonly listeners: readonly { readonly name: string; readonly at: string }[] }
  | { readonly is: "failed"; readonly text: string; readonly exitCode: number }
  | { readonly is: "alive" }
  | { readonly is: "hint"; readonly topics: readonly string[] }
  /** For the other workers: try what waits for this domain. */
  | { readonly is: "flush"; readonly domain: string }
  /** A certificate that the worker may not read any more. */
  | { readonly is: "file"; readonly ask: number; readonly what: "stamp" | "read"; readonly path: string };

export type ToWorker =
  | { readonly is: "drain" }
  | { readonly is: "hint"; readonly topics: readonly string[] }
  | { readonly is: "flush"; readonly domain: string }
  /** `content` is `null` where it was not asked for, or cannot be had. */
  | { readonly is: "file"; readonly ask: number; readonly stamp: string; readonly content: Uint8Array | null };

export const TASK_VARIABLE = "POSTERN_WORKER";
export const HEARTBEAT_MS = 5_000;
/** A worker whose event loop was silent for so long is killed; its mail is in its spool. */
export const SILENCE_MS = 60_000;
