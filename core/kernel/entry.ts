/** One entry of the operator's plugin list, loaded and validated: what the config loader hands to the kernel. */
import type { TObject } from "typebox";
import type { PluginDefinition, Tokens } from "./define.ts";

/** A plugin as the loader sees it: every field can be read, none has its own type any more. */
// biome-ignore lint/suspicious/noExplicitAny: the bridge between typed plugins and a list of all of them
export type AnyPlugin = PluginDefinition<TObject, Tokens, Tokens, any>;

export interface PluginEntry {
  /** Unique in the list: the operator's `id`, else the plugin's name, else name and position (`policy-access#2`). */
  readonly id: string;
  /** As written: `policy-relay`, `postern-plugin-karma`, `./plugins/no-mondays.ts`. */
  readonly use: string;
  readonly plugin: AnyPlugin;
  /** Absolute path of its module: how a stray fault's stack tells whose it is. */
  readonly file?: string;
  /** Validated against `plugin.config`, defaults filled in. */
  readonly options: unknown;
  /** Sessions it is asked about; `null`: all. Calls without a session always pass. */
  readonly when: { readonly role: readonly string[] | null; readonly listener: readonly string[] | null } | null;
  /** `null`: the default of the hook. */
  readonly timeoutMs: number | null;
  readonly onFault: "defer" | "continue";
  readonly shadow: boolean;
  readonly where: { readonly file: string; readonly line: number } | null;
}
