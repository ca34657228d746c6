/**
 * Options as a plugin's README lists them, and as its schema has them. A row of a table whose first column is "option" names one
 * option or several (`a`, `b`), whose defaults stand in the second column; `texts.*` is everything below `texts`. A further table
 * of options is about the items of a list, `rules` for instance.
 */
interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

export interface ListedOption {
  readonly path: string;
  /** As written; `null` where the table has prose, or nothing. */
  readonly default: string | null;
}

const TABLE = /^\| *option[^\n]*\|\n\|[ :|-]+\|\n((?:\|[^\n]*\|\n)+)/gm;

export function listedOptions(readme: string): readonly ListedOption[] {
  return [...readme.matchAll(TABLE)].flatMap(([, rows = ""]) => rows.trimEnd().split("\n").flatMap(optionsOfRow));
}

function optionsOfRow(row: string): readonly ListedOption[] {
  const [names = "", defaults = ""] = row.slice(1, -1).split(/(?<!\\)\|/);
  const paths = quoted(names);
  const values = valuesOf(defaults);
  return paths.map((path, at) => ({
    path,
    default: values.length === paths.length ? (values[at] ?? null) : values.length === 1 ? (values[0] ?? null) : null,
  }));
}

/** Prose is no default. */
function valuesOf(cell: string): readonly string[] {
  if (/^ *\d+ *$/.test(cell)) return [cell.trim()];
  return /^(?: *`[^`]+` *,?)+$/.test(cell) ? quoted(cell) : [];
}

const quoted = (cell: string): readonly string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, inner = ""]) => inner);

export interface SchemaOption {
  readonly path: string;
  /** As one writes it; `null`: there is none. */
  readonly default: string | null;
  /** Whether it has options of its own, so that it need not be listed itself. */
  readonly isGroup: boolean;
}

/** Items of lists stand without their list's name, as in the second table of a README. */
export function schemaOptions(schema: Schema, prefix = ""): readonly SchemaOption[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, option]) => {
    const path = `${prefix}${name}`;
    const below = option.properties ? schemaOptions(option, `${path}.`) : schemaOptions(option.items ?? {});
    return [{ path, default: written(option.default), isGroup: option.properties !== undefined }, ...below];
  });
}

const written = (value: unknown): string | null =>
  value === undefined || value === "" ? null : typeof value === "string" ? value : JSON.stringify(value);

/** What is wrong with the list, a line each. */
export function differences(readme: string, schema: object): readonly string[] {
  const listed = listedOptions(readme);
  const options = schemaOptions(schema as Schema);
  const byPath = new Map(options.map((option) => [option.path, option]));
  const covers = (path: string) =>
    listed.some((row) => row.path === path || (row.path.endsWith(".*") && path.startsWith(row.path.slice(0, -1))));
  return [
    ...listed.flatMap(({ path, default: said }) => {
      if (path.endsWith(".*")) return byPath.get(path.slice(0, -2))?.isGroup ? [] : [`${path} is no group of options`];
      const option = byPath.get(path);
      if (option === undefined) return [`${path} is listed, but there is no such option`];
      if (said === null || option.default === null || said === option.default) return [];
      return same(said, option.default) ? [] : [`${path} has the default ${option.default}, not ${said}`];
    }),
    ...options
      .filter(({ path, isGroup }) => !isGroup && !covers(path))
      .map(({ path }) => `${path} is an option, but it is not listed`),
  ];
}

/** `{ a: b }` and `[x]` of YAML are what JSON writes with more quotes. */
const same = (one: string, other: string): boolean => bare(one) === bare(other);
const bare = (text: string): string => text.replace(/[\s"]/g, "");
