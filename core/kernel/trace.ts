/** Publishes calls and faults for metrics and tracing. Free when nobody listens. */
import { channel } from "node:diagnostics_channel";
import type { FaultKind, FaultTrace, HookTrace } from "../contracts/trace.ts";
import type { Tap } from "./tap.ts";

export const hookChannel = channel("postern:hook");
const faultChannel = channel("postern:fault");

export function publishCall(
  { hook, entry }: Tap,
  args: readonly unknown[],
  outcome: Pick<HookTrace, "verdict" | "isFault" | "durationMs">,
): void {
  const { id, plugin, shadow } = entry;
  const event: HookTrace = { hook, entry: id, plugin: plugin.name, args, isShadow: shadow, ...outcome };
  hookChannel.publish(event);
}

export function publishFault({ hook, entry }: Tap, fault: FaultKind): void {
  if (!faultChannel.hasSubscribers) return;
  const event: FaultTrace = { hook, entry: entry.id, plugin: entry.plugin.name, fault };
  faultChannel.publish(event);
}
