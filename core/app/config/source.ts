/**
 * A config file, read: its value, and where in the file each part of it stands. `findConfigFile` looks where cosmiconfig
 * looks; `readSource` answers with mistakes for a file that is missing, unreadable or no YAML, JSON or module. What searches, and what runs
 * programs, is loaded where it is needed: most configs are named, and are YAML.
 */
import { readFile } from "node:fs/promises";
import { basename, extname, resolve } from "node:path";
import type { HostModules } from "../../kernel/load/host-modules.ts";
import type { Path } from "../../kernel/load/path.ts";
import type { Problem } from "../../kernel/load/validate.ts";
import type { Mistake, Slip } from "./mistake.ts";
import { parseYaml } from "./yaml-source.ts";

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Source {
  /** Absolute. */
  readonly file: string;
  readonly value: unknown;
  /** The nearest part of the file that exists: a missing key is found at its table. `null` for a program. */
  locate(path: Path, at: Problem["at"]): Position | null;
}

export type ReadSource =
  | { readonly ok: true; readonly source: Source }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

const scripts = [".ts", ".mts", ".js", ".mjs", ".cjs"];

export const searchPlaces = [
  ...["yaml", "yml", "json", "ts", "mts", "js", "mjs", "cjs"].map((extension) => `postern.config.${extension}`),
  ".posternrc",
  ".posternrc.yaml",
  ".posternrc.yml",
  ".posternrc.json",
  "package.json",
];

/** The config file of a directory, `null` if it has none. Reads nothing but `package.json`. */
export async function findConfigFile(cwd: string): Promise<string | null> {
  const { cosmiconfig } = await import("cosmiconfig");
  // Parsing is ours: cosmiconfig keeps no positions, and its TypeScript loader breaks with TypeScript 7.
  const found = (path: string, text: string) => (basename(path) === "package.json" ? manifest(text) : {});
  const loaders = Object.fromEntries([".yaml", ".yml", ".json", "noExt", ...scripts].map((key) => [key, found]));
  const explorer = cosmiconfig("postern", { searchPlaces, loaders, cache: false, ignoreEmptySearchPlaces: false });
  return (await explorer.search(cwd))?.filepath ?? null;
}

/** A broken manifest counts as a config, so that its mistakes are told. */
function manifest(text: string): unknown {
  const parsed = parseYaml(text);
  return parsed.ok ? parsed.value : { postern: {} };
}

export async function readSource(path: string, modules: HostModules): Promise<ReadSource> {
  const file = resolve(path);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    return failed(file, { path: [], text: unreadable(error), expected: "a config file" });
  }
  if (scripts.includes(extname(file))) return readScript(file, modules);
  const parsed = parseYaml(text);
  if (!parsed.ok) {
    return { ok: false, mistakes: parsed.slips.map(({ position, ...slip }) => mistakeAt(file, slip, position)) };
  }
  if (basename(file) !== "package.json") return { ok: true, source: { file, ...parsed } };
  return within("postern", { file, ...parsed });
}

function unreadable(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : null;
  if (code === "ENOENT" || code === "ENOTDIR") return "there is no such file";
  if (code === "EACCES") return "this file must not be read by the user who runs Postern";
  if (code === "EISDIR") return "this is a directory";
  return `this file cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}

/** A module whose default export is the config. */
async function readScript(file: string, modules: HostModules): Promise<ReadSource> {
  const { loadFresh } = await import("../../kernel/load/load-module.ts");
  const loaded = await loadFresh(file, modules);
  if (loaded.at === "failed") {
    return failed(file, {
      path: [],
      text: `the config cannot be loaded: ${loaded.text}`,
      expected: "a module that loads",
    });
  }
  const { unwrap } = await import("../../kernel/load/plugin-shape.ts");
  const value = unwrap(loaded.module);
  const odd = findOdd(value, []);
  if (odd)
    return failed(file, { path: odd, text: "this is no plain value", expected: "text, numbers, lists and tables" });
  return { ok: true, source: { file, value, locate: () => null } };
}

/** Where a program's config holds something that a file could not: a function, a class, itself. */
function findOdd(value: unknown, path: Path): Path | null {
  if (value === null || value === undefined || ["string", "number", "boolean"].includes(typeof value)) return null;
  if (typeof value !== "object" || path.length > 32) return path;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== null && Object.getPrototypeOf(prototype) !== null) return path;
  for (const [key, inner] of Object.entries(value)) {
    const odd = findOdd(inner, [...path, Array.isArray(value) ? Number(key) : key]);
    if (odd) return odd;
  }
  return null;
}

/** The part of a file under one key, as if it were a file of its own. */
function within(key: string, source: Source): ReadSource {
  const whole: unknown = source.value;
  const value: unknown = typeof whole === "object" && whole !== null ? Reflect.get(whole, key) : undefined;
  if (value === undefined)
    return failed(source.file, { path: [], text: `it has no key "${key}"`, expected: "a config there" });
  return { ok: true, source: { file: source.file, value, locate: (path, at) => source.locate([key, ...path], at) } };
}

const failed = (file: string, slip: Slip): ReadSource => ({ ok: false, mistakes: [mistakeAt(file, slip, null)] });

export function mistakeAt(file: string, slip: Slip, position: Position | null): Mistake {
  return {
    file,
    line: position?.line ?? null,
    column: position?.column ?? null,
    plugin: slip.plugin ?? null,
    path: slip.path,
    text: slip.text,
    expected: slip.expected ?? null,
    suggestion: slip.suggestion ?? null,
    severity: slip.severity ?? "error",
  };
}

/** A mistake in the source, with its line. */
export const mistakeIn = (source: Source, slip: Slip): Mistake =>
  mistakeAt(source.file, slip, source.locate(slip.path, slip.at ?? "value"));
