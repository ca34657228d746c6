/**
 * Loads plugins: a name of ours, an npm package beside the config, or a file, all through one gate. Answers with the plugin
 * or with everything that is wrong with it; never throws because of what a plugin is or does.
 */
import type { AnyPlugin } from "./entry.ts";
import { type Builtins, findModule } from "./load/find-module.ts";
import type { HostModules } from "./load/host-modules.ts";
import { loadModule } from "./load/load-module.ts";
import { type ShapeProblem, shapeOf } from "./load/plugin-shape.ts";
import { type Validated, validate } from "./load/validate.ts";

export { type Builtins, builtinPlugins } from "./load/find-module.ts";
export type { HostModules } from "./load/host-modules.ts";

export interface LoadFrom {
  /** Absolute; packages and paths are looked for from here. */
  readonly configDir: string;
  readonly builtins: Builtins;
  /** This server's copies of `postern/plugin` and its siblings. */
  readonly modules: HostModules;
}

export type LoadedPlugin =
  | { readonly ok: true; readonly plugin: AnyPlugin; readonly file: string }
  | { readonly ok: false; readonly problems: readonly ShapeProblem[] };

export async function loadPlugin(use: string, from: LoadFrom): Promise<LoadedPlugin> {
  const found = findModule(use, from);
  if (found.at === "missing") return { ok: false, problems: [found] };
  const loaded = await loadModule(found.file, from.modules);
  if (loaded.at === "failed") {
    const text = `the plugin cannot be loaded: ${loaded.text}`;
    return { ok: false, problems: [{ text, expected: "a module that loads", suggestion: null }] };
  }
  const shaped = shapeOf(loaded.module);
  return shaped.ok ? { ok: true, plugin: shaped.plugin, file: found.file } : shaped;
}

const noOptions = { type: "object", properties: {} };

/** An entry's options against the plugin's schema: defaults filled in, durations and sizes as numbers. Nothing means `{}`. */
export function validateOptions(plugin: AnyPlugin, options: unknown): Validated {
  return validate(plugin.config ?? noOptions, options ?? {});
}
