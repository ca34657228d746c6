/** Each hook's chain in order, as `postern explain` prints it. */
import type { HookName } from "../contracts/hooks.ts";
import type { PluginEntry } from "./entry.ts";
import { carriesSession, type HookKind, hookNames, hookRow } from "./hook-table.ts";
import type { Tap } from "./tap.ts";

export interface ChainLink {
  readonly entry: string;
  readonly plugin: string;
  /** `null`: asked about every session, or the hook knows none. */
  readonly when: PluginEntry["when"];
  readonly shadow: boolean;
  readonly timeoutMs: number;
  readonly onFault: PluginEntry["onFault"];
}

export interface ChainDescription {
  readonly hook: HookName;
  readonly kind: HookKind;
  readonly when: string;
  readonly unanswered: string;
  readonly links: readonly ChainLink[];
}

/** All hooks in the order of the table, those without plugins as well. */
export function describeChains(taps: readonly Tap[]): readonly ChainDescription[] {
  return hookNames.map((hook) => {
    const { kind, when, unanswered } = hookRow(hook);
    return { hook, kind, when, unanswered, links: taps.filter((tap) => tap.hook === hook).map(linkOf) };
  });
}

const linkOf = ({ entry, row, timeoutMs }: Tap): ChainLink => ({
  entry: entry.id,
  plugin: entry.plugin.name,
  when: carriesSession(row) ? entry.when : null,
  shadow: entry.shadow,
  timeoutMs,
  onFault: entry.onFault,
});
