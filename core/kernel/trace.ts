/** Each handler's call on `diagnostics_channel("postern:hook")`: what metrics and tracing live on. Free when nobody listens. */
import { channel } from "node:diagnostics_channel";
import type { HookName } from "../contracts/hooks.ts";
import type { Tap } from "./tap.ts";

/** What subscribers get. Live objects: to be read, never kept or changed. */
export interface HookTrace {
  readonly hook: HookName;
  readonly entry: string;
  readonly plugin: string;
  /** The handler's arguments without the call. */
  readonly args: readonly unknown[];
  /** As it took effect; `null` for notices. */
  readonly verdict: { readonly verdict: string } | null;
  readonly isFault: boolean;
  readonly isShadow: boolean;
  readonly durationMs: number;
}

export const hookChannel = channel("postern:hook");

export function trace(
  tap: Tap,
  args: readonly unknown[],
  outcome: { readonly verdict: HookTrace["verdict"]; readonly isFault: boolean; readonly durationMs: number },
): void {
  const { hook, entry } = tap;
  const event: HookTrace = {
    hook,
    entry: entry.id,
    plugin: entry.plugin.name,
    args,
    isShadow: entry.shadow,
    ...outcome,
  };
  hookChannel.publish(event);
}
