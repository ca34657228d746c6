/**
 * Brings a module file in: TypeScript by jiti, everything else by Node itself. Answers with the namespace, or with the
 * cause in one line, with file and line where they are known. A module that never ends loading is a failure, too.
 */
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createJiti, type Jiti } from "jiti";
import { type HostModules, installHostModules } from "./host-modules.ts";

export type Loaded =
  | { readonly at: "loaded"; readonly module: unknown }
  | { readonly at: "failed"; readonly text: string };

const typescript = new Set([".ts", ".mts", ".cts"]);
const loadTimeoutMs = 30_000;

export async function loadModule(file: string, modules: HostModules): Promise<Loaded> {
  installHostModules(modules);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Loaded>((resolve) => {
    const text = `it did not finish loading within ${loadTimeoutMs / 1000} seconds`;
    timer = setTimeout(() => resolve({ at: "failed", text }), loadTimeoutMs);
  });
  try {
    return await Promise.race([bringIn(file, modules), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A TypeScript or JavaScript file as it is now, whatever was loaded before. For configs. */
export async function loadFresh(file: string, modules: HostModules): Promise<Loaded> {
  try {
    // By its text, not by its name: Node keeps every module that it has imported once.
    const jiti = transpiler(file, modules, false);
    const options = { filename: file, id: file, ext: ".ts", async: true, forceTranspile: true };
    return { at: "loaded", module: await jiti.evalModule(await readFile(file, "utf8"), options) };
  } catch (error) {
    return { at: "failed", text: causeOf(error, file) };
  }
}

async function bringIn(file: string, modules: HostModules): Promise<Loaded> {
  try {
    const module: unknown = isForJiti(file)
      ? await transpiler(file, modules, true).import(file)
      : await import(pathToFileURL(file).href);
    return { at: "loaded", module };
  } catch (error) {
    return { at: "failed", text: causeOf(error, file) };
  }
}

/** Our own plugins in source are read by whatever reads the server itself in source. */
const isOwnSource = (file: string) =>
  import.meta.url.endsWith(".ts") &&
  pathToFileURL(file).href.startsWith(new URL("../../../plugins/", import.meta.url).href);
const isForJiti = (file: string) => typescript.has(extname(file)) && !isOwnSource(file);

function transpiler(file: string, modules: HostModules, isCached: boolean): Jiti {
  return createJiti(pathToFileURL(file).href, {
    // No cache on disk: the server may run where it can write nothing but its data.
    fsCache: false,
    moduleCache: isCached,
    interopDefault: false,
    virtualModules: { ...modules },
  });
}

/** First line of the message, and the line of the module that it comes from, as far as the engine tells. */
export function causeOf(error: unknown, file: string): string {
  if (!(error instanceof Error)) return String(error);
  const message = (error.message.split("\n", 1)[0] ?? "").trim() || error.name;
  const place = placeIn(error.stack ?? "", file) ?? file;
  return message.includes(place) ? message : `${message} (${place})`;
}

function placeIn(stack: string, file: string): string | null {
  const url = pathToFileURL(file).href;
  for (const line of stack.split("\n")) {
    for (const name of [url, file]) {
      const at = line.indexOf(`${name}:`);
      const position = at < 0 ? null : /^:(\d+)/.exec(line.slice(at + name.length));
      if (position) return `${name === url ? fileURLToPath(url) : file}:${position[1]}`;
    }
  }
  return null;
}
