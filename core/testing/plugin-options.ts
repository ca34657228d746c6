/** A plugin's options as the config loader hands them over: checked, with defaults. Throws for what the loader would refuse. */
import type { Plugin } from "../kernel/define.ts";
import type { AnyPlugin } from "../kernel/entry.ts";
import { validateOptions } from "../kernel/load.ts";

/** `kernelOf([plugin, optionsOf(plugin, { limit: 2 })])` */
export function optionsOf(plugin: Plugin, options: object = {}): object {
  const checked = validateOptions(plugin as AnyPlugin, options);
  if (checked.ok) return checked.value as object;
  const lines = checked.problems.map(({ text, expected }) => `${text}; expected ${expected}`);
  throw new TypeError(`options of ${plugin.name}: ${lines.join("; ")}`);
}
