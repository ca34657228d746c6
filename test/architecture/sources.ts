/** The house's source files as the rules see them: their place, their text, what they import. */
import { readdir, readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

export interface SourceFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** As written: `node:fs`, `postern/plugin`, `./x.ts`. Types, re-exports and dynamic imports as well. */
  readonly imports: readonly string[];
}

export const root = fileURLToPath(new URL("../..", import.meta.url));
const folders = ["core", "plugins", "test", "plugin-template"];

export function sourceFile(path: string, text: string): SourceFile {
  const { importedFiles } = ts.preProcessFile(text, true, true);
  return { path, text, imports: [...new Set(importedFiles.map(({ fileName }) => fileName))] };
}

/** All TypeScript of the house. */
export async function readSources(): Promise<readonly SourceFile[]> {
  const paths = (await Promise.all(folders.map(filesBelow))).flat();
  return Promise.all(
    paths
      .filter((path) => path.endsWith(".ts"))
      .map(async (path) => sourceFile(path, await readFile(join(root, path), "utf8"))),
  );
}

/** Paths from the root. */
export async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const paths = entries
    .filter(({ name }) => name !== "node_modules" && name !== "dist")
    .map(async (entry) => {
      const path = posix.join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path) : [path];
    });
  return (await Promise.all(paths)).flat();
}

export const isTest = (path: string): boolean => /\.test\.ts$/.test(path);

/** Where a relative import leads, from the root; `null` for packages. */
export const target = (from: SourceFile, specifier: string): string | null =>
  specifier.startsWith(".") ? posix.join(posix.dirname(from.path), specifier) : null;

/** The syntax tree, for rules that imports do not tell. */
export const parse = ({ path, text }: SourceFile): ts.SourceFile =>
  ts.createSourceFile(path, text, ts.ScriptTarget.Latest, false);
