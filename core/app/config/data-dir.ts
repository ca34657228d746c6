/** Where a config keeps its data, for commands that need no more of it: plugins are not loaded, other keys are not checked. */
import { dirname, resolve } from "node:path";
import { isSchema } from "../../kernel/load/schema.ts";
import type { LoadConfig } from "./load-config.ts";
import type { Mistake } from "./mistake.ts";
import { findConfigFile, mistakeAt, mistakeIn, readSource, searchPlaces } from "./source.ts";

export const defaultDataDir = "data";

export type FoundDataDir =
  | { readonly ok: true; readonly dataDir: string }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

export async function findDataDir({ file, cwd }: LoadConfig): Promise<FoundDataDir> {
  const path = file === undefined ? await findConfigFile(cwd) : resolve(cwd, file);
  if (path === null) return { ok: false, mistakes: [noConfig(cwd)] };
  // A config that is a program imports what plugins import; others need none of it.
  const { hostModules } = /\.(?:yaml|yml|json)$/.test(path) ? { hostModules: {} } : await import("./host.ts");
  const read = await readSource(path, hostModules);
  if (!read.ok) return read;
  const { source } = read;
  const { dataDir = defaultDataDir } = isSchema(source.value) ? source.value : {};
  if (typeof dataDir === "string") return { ok: true, dataDir: resolve(dirname(source.file), dataDir) };
  const slip = { path: ["dataDir"], text: `"dataDir" is ${JSON.stringify(dataDir)}`, expected: "a path" };
  return { ok: false, mistakes: [mistakeIn(source, slip)] };
}

export function noConfig(cwd: string): Mistake {
  const expected = `one of: ${searchPlaces.join(", ")} (with a key "postern"); or --config FILE`;
  return mistakeAt(cwd, { path: [], text: "there is no config file in this directory", expected }, null);
}
