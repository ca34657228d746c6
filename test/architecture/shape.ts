/** What files and folders look like: names, sizes, default exports, what every plugin has. */
import ts from "typescript";
import { isTest, parse, type SourceFile } from "./sources.ts";

const lineLimit = 400;

/** Files that may be longer, each with its reason. */
const longFiles = new Map<string, string>([]);

const emptyWords = /(?:^|[-.])(?:utils?|helpers?|common|managers?|misc)(?:[-.]|$)/;
const kebabCase = /^[a-z0-9]+(?:[-.][a-z0-9]+)*\.ts$/;
const pluginRole =
  /^(?:policy|verify|sign|auth|directory|alias|filter|store|deliver|access|kv|route|search|admin)-[a-z0-9]+(?:-[a-z0-9]+)*$/;

export function sizeSlips(sources: readonly SourceFile[]): readonly string[] {
  return sources.flatMap(({ path, text }) => {
    const lines = text.split("\n").length - 1;
    return lines > lineLimit && !longFiles.has(path)
      ? [`${path} has ${lines} lines; beyond ${lineLimit} it needs a reason`]
      : [];
  });
}

/** A reason for a file that is short again, or gone, is a reason too many. */
export function staleReasons(sources: readonly SourceFile[]): readonly string[] {
  const long = new Set(sources.filter(({ text }) => text.split("\n").length - 1 > lineLimit).map(({ path }) => path));
  return [...longFiles.keys()].filter((path) => !long.has(path)).map((path) => `${path} needs no reason any more`);
}

export function nameSlips(sources: readonly SourceFile[]): readonly string[] {
  return sources.flatMap(({ path }) => {
    const parts = path.split("/");
    const file = parts.at(-1) ?? "";
    const empty = parts.find((part) => emptyWords.test(part));
    if (empty !== undefined) return [`${path}: "${empty}" says nothing`];
    return kebabCase.test(file) ? [] : [`${path} is no kebab-case`];
  });
}

/** The public face is re-exports, nothing else. */
export function apiSlips(sources: readonly SourceFile[]): readonly string[] {
  return sources
    .filter(({ path }) => path.startsWith("core/api/"))
    .flatMap((source) =>
      parse(source).statements.every((statement) => ts.isExportDeclaration(statement))
        ? []
        : [`${source.path} does more than re-export`],
    );
}

export function defaultExportSlips(sources: readonly SourceFile[]): readonly string[] {
  return sources
    .filter(({ path }) => /^(?:core|plugins)\//.test(path) && !isTest(path))
    .flatMap((source) => {
      const isFace = /^plugins\/[^/]+\/index\.ts$/.test(source.path);
      const hasDefault = parse(source).statements.some(isDefaultExport);
      if (isFace === hasDefault) return [];
      return [
        isFace
          ? `${source.path} has no default export`
          : `${source.path} has a default export; only a plugin's index has`,
      ];
    });
}

function isDefaultExport(statement: ts.Statement): boolean {
  if (ts.isExportAssignment(statement)) return true;
  if (ts.isExportDeclaration(statement) && statement.exportClause && ts.isNamedExports(statement.exportClause)) {
    return statement.exportClause.elements.some(({ name }) => name.text === "default");
  }
  const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
  return modifiers?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword) ?? false;
}

/** `paths`: all files below plugins, of any kind. */
export function pluginSlips(paths: readonly string[]): readonly string[] {
  const files = new Set(paths);
  const plugins = new Set(paths.flatMap((path) => /^plugins\/([^/]+)\//.exec(path)?.[1] ?? []));
  return [...plugins].flatMap((plugin) => [
    ...(pluginRole.test(plugin) ? [] : [`plugins/${plugin} is not named role-thing`]),
    ...["index.ts", "README.md"].flatMap((file) =>
      files.has(`plugins/${plugin}/${file}`) ? [] : [`plugins/${plugin} has no ${file}`],
    ),
    ...(paths.some((path) => path.startsWith(`plugins/${plugin}/`) && isTest(path))
      ? []
      : [`plugins/${plugin} has no test`]),
  ]);
}

/** Core names no plugin: no string in its code is a plugin's name. Tests may. */
export function namedPlugins(sources: readonly SourceFile[], plugins: readonly string[]): readonly string[] {
  const names = new Set(plugins);
  const slips: string[] = [];
  for (const source of sources) {
    if (!source.path.startsWith("core/") || source.path.startsWith("core/testing/") || isTest(source.path)) continue;
    const visit = (node: ts.Node): void => {
      if (ts.isStringLiteralLike(node) && names.has(node.text))
        slips.push(`${source.path} names the plugin ${node.text}`);
      ts.forEachChild(node, visit);
    };
    visit(parse(source));
  }
  return slips;
}
