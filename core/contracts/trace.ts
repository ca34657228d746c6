/** What is published on `diagnostics_channel`: `postern:hook` for each call of a handler, `postern:fault` for each fault. */
import type { HookName } from "./hooks.ts";

/** Live objects: to be read, never kept or changed. */
export interface HookTrace {
  readonly hook: HookName;
  readonly entry: string;
  readonly plugin: string;
  /** The handler's arguments without the call. */
  readonly args: readonly unknown[];
  /** As it took effect; `null` for notices. */
  readonly verdict: { readonly verdict: string } | null;
  /** Whether the verdict is the answer to a fault. */
  readonly isFault: boolean;
  readonly isShadow: boolean;
  readonly durationMs: number;
}

export type FaultKind = "throw" | "rejection" | "time-out" | "no verdict" | "effect";

/** Also of those that change nothing: notices, shadows, `onFault: continue`. */
export interface FaultTrace {
  readonly hook: HookName;
  readonly entry: string;
  readonly plugin: string;
  readonly fault: FaultKind;
}
