/** A kernel from plugins written down in a test, as the config loader would hand them over. */
import type { Log } from "../contracts/log.ts";
import type { Plugin } from "../kernel/define.ts";
import type { AnyPlugin, PluginEntry } from "../kernel/entry.ts";
import { type CoreParts, createKernel, type KernelRuntime } from "../kernel/kernel.ts";

/** A plugin, a plugin with its options, or a plugin with more of its entry. */
export type Listed = Plugin | readonly [plugin: Plugin, options: object, entry?: Partial<PluginEntry>];

/** A log that keeps nothing. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
};

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** A log that keeps its lines, bound fields included. */
export function keptLog(): { readonly log: Log; readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const bound = (base: object): Log => {
    const write = (level: LogLine["level"]) => (fields: object, text: string) => {
      lines.push({ level, fields: { ...base, ...fields }, text });
    };
    return {
      debug: write("debug"),
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
      child: (fields) => bound({ ...base, ...fields }),
    };
  };
  return { log: bound({}), lines };
}

/** Not started. Options are taken as they are: write down what the loader would have filled in. */
export const kernelOf = (...plugins: readonly Listed[]): Promise<KernelRuntime> => kernelWith({}, ...plugins);

/** The same with a log, a clock or services of core. */
export function kernelWith(core: Partial<CoreParts>, ...plugins: readonly Listed[]): Promise<KernelRuntime> {
  return createKernel(entriesOf(plugins), {
    log: silentLog,
    clock: Date,
    services: [],
    configDir: process.cwd(),
    ...core,
  });
}

/** The entries of a list of plugins, with ids as the loader gives them. */
export function entriesOf(plugins: readonly Listed[]): readonly PluginEntry[] {
  const seen = new Map<string, number>();
  return plugins.map((listed) => {
    const [plugin, options, more] = "name" in listed ? [listed, {}, {}] : listed;
    const count = (seen.get(plugin.name) ?? 0) + 1;
    seen.set(plugin.name, count);
    return {
      id: count === 1 ? plugin.name : `${plugin.name}#${count}`,
      use: plugin.name,
      plugin: plugin as AnyPlugin,
      options,
      when: null,
      timeoutMs: null,
      onFault: "defer",
      shadow: false,
      where: null,
      ...more,
    };
  });
}
