/**
 * Where a plugin's `use` leads: a name of ours, an npm package beside the config, or a path. Answers with the file, or with
 * all that was tried and the nearest name that exists. Never guesses a package that is not named after the convention.
 */
import { readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { nearest } from "./nearest.ts";

/** Short name to absolute file. */
export type Builtins = ReadonlyMap<string, string>;

export type Found =
  | { readonly at: "found"; readonly file: string }
  | { readonly at: "missing"; readonly text: string; readonly expected: string; readonly suggestion: string | null };

/** The plugins that come with this copy of the server: `plugins/x/index.ts` from source, `dist/plugins/x/index.js` built. */
export function builtinPlugins(): Builtins {
  const directory = fileURLToPath(new URL("../../../plugins/", import.meta.url));
  const index = import.meta.url.endsWith(".ts") ? "index.ts" : "index.js";
  const found = new Map<string, string>();
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const file = join(directory, entry.name, index);
    if (entry.isDirectory() && isFile(file)) found.set(entry.name, file);
  }
  return found;
}

const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** Whether `use` names a file rather than a package. */
export const isPath = (use: string) => use.startsWith("./") || use.startsWith("../") || isAbsolute(use);

export function findModule(use: string, from: { readonly configDir: string; readonly builtins: Builtins }): Found {
  if (isPath(use)) return findPath(use, from.configDir);
  const builtin = from.builtins.get(use);
  if (builtin !== undefined) return { at: "found", file: builtin };
  const packages = packageNames(use);
  const require = createRequire(join(from.configDir, "postern.config.yaml"));
  for (const name of packages) {
    try {
      return { at: "found", file: require.resolve(name) };
    } catch (error) {
      // A package that is there, but has nothing for `require`: an ES module with an `import` condition alone.
      const file = isNotExported(error) ? resolveImport(name, require) : null;
      if (file !== null) return { at: "found", file };
      if (!isMissing(error) && !isNotExported(error)) return broken(name, error);
    }
  }
  return {
    at: "missing",
    text: `there is no plugin "${use}"`,
    expected:
      packages.length === 0
        ? "a plugin that comes with Postern, an npm package postern-plugin-..., or a path that begins with ./"
        : `a plugin that comes with Postern, or an installed package: ${packages.join(" or ")} (npm install it in ${from.configDir})`,
    suggestion: nearest(use, from.builtins.keys()),
  };
}

/** `karma` is `postern-plugin-karma`; `@acme/karma` also `@acme/postern-plugin-karma`. */
export function packageNames(use: string): readonly string[] {
  const match = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?([a-z0-9~-][a-z0-9._~-]*)$/.exec(use);
  if (!match || use.length > 214) return [];
  const [, scope = "", name = ""] = match;
  if (name.startsWith("postern-plugin-")) return [use];
  const full = `${scope}postern-plugin-${name}`;
  return scope === "" ? [full] : [full, use];
}

const extensions = ["", ".ts", ".mts", ".js", ".mjs", ".cjs", "/index.ts", "/index.js", "/index.mjs", "/index.cjs"];

function findPath(use: string, configDir: string): Found {
  const path = resolve(configDir, use);
  const file = extensions.map((extension) => path + extension).find(isFile);
  if (file !== undefined) return { at: "found", file };
  if (isFile(join(path, "package.json"))) {
    try {
      return { at: "found", file: createRequire(join(path, "package.json")).resolve(path) };
    } catch (error) {
      return broken(use, error);
    }
  }
  return {
    at: "missing",
    text: `there is no plugin file ${path}`,
    expected: "a path relative to the config file",
    suggestion: nearPath(path, use),
  };
}

/** A file of nearly that name in the same directory, written as the operator would. */
function nearPath(path: string, use: string): string | null {
  const directory = resolve(path, "..");
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return null;
  const near = nearest(path.slice(directory.length + 1), readdirSync(directory));
  return near === null ? null : use.slice(0, use.lastIndexOf("/") + 1) + near;
}

const codeOf = (error: unknown) => (error instanceof Error && "code" in error ? error.code : undefined);
const isMissing = (error: unknown) => codeOf(error) === "MODULE_NOT_FOUND";
const isNotExported = (error: unknown) => codeOf(error) === "ERR_PACKAGE_PATH_NOT_EXPORTED";

/** `require.resolve` does not see the condition `import`: read the package's own word for it. */
function resolveImport(name: string, require: NodeJS.Require): string | null {
  for (const modules of require.resolve.paths(name) ?? []) {
    const directory = join(modules, name);
    if (!isFile(join(directory, "package.json"))) continue;
    const { exports }: { exports?: unknown } = require(join(directory, "package.json"));
    const target = importTarget(exports);
    return target === null || !isFile(join(directory, target)) ? null : join(directory, target);
  }
  return null;
}

function importTarget(exports: unknown): string | null {
  if (typeof exports === "string") return exports;
  if (typeof exports !== "object" || exports === null) return null;
  const conditions: Record<string, unknown> = { ...exports };
  for (const key of [".", "node", "import", "module-sync", "default"]) {
    if (conditions[key] !== undefined) return importTarget(conditions[key]);
  }
  return null;
}

function broken(use: string, error: unknown): Found {
  const cause = error instanceof Error ? error.message.split("\n", 1)[0] : String(error);
  return {
    at: "missing",
    text: `the package "${use}" cannot be found: ${cause}`,
    expected: "a package with an entry point",
    suggestion: null,
  };
}
