/**
 * The operator's plugin list: each entry is a name, `name: options`, or the long form with `use`; it is loaded and its
 * options are checked. Answers with the entries that are right and every mistake of those that are not.
 */
import type { PluginEntry } from "../../kernel/entry.ts";
import { nearest } from "../../kernel/load/nearest.ts";
import type { Path } from "../../kernel/load/path.ts";
import { show, validate } from "../../kernel/load/validate.ts";
import { type LoadFrom, loadPlugin, validateOptions } from "../../kernel/load.ts";
import { type EntryKeys, entryKeys } from "./keys.ts";
import type { Placed, Slip } from "./mistake.ts";
import type { Source } from "./source.ts";

interface Written extends EntryKeys {
  /** Where the options stand. */
  readonly optionsPath: Path;
  readonly path: Path;
}

export interface Entries {
  readonly entries: readonly Placed<PluginEntry>[];
  readonly slips: readonly Slip[];
}

export async function loadEntries(list: readonly unknown[], source: Source, from: LoadFrom): Promise<Entries> {
  const slips: Slip[] = [];
  const entries: Placed<PluginEntry>[] = [];
  const ids = new Map<string, Path>();
  for (const [position, item] of list.entries()) {
    const path = ["plugins", position];
    const written = readEntry(item, path);
    if ("slips" in written) {
      slips.push(...written.slips);
      continue;
    }
    const entry = await loadEntry(written, source, from);
    if ("slips" in entry) {
      slips.push(...entry.slips);
      continue;
    }
    const id = written.id ?? freeId(entry.plugin.name, ids);
    if (ids.has(id)) {
      const text = `there is another entry with the id "${id}"`;
      slips.push({ path: [...path, "id"], plugin: written.use, text, expected: "an id of its own" });
      continue;
    }
    ids.set(id, path);
    entries.push({ position, of: { ...entry, id } });
  }
  return { entries, slips };
}

/** `policy-access`, then `policy-access#2`. */
function freeId(name: string, taken: ReadonlyMap<string, unknown>): string {
  if (!taken.has(name)) return name;
  let n = 2;
  while (taken.has(`${name}#${n}`)) n++;
  return `${name}#${n}`;
}

const defaults = { onFault: "defer", shadow: false } as const;
const forms = "a name, `name: options`, or `use: name` with `with: options`";

function readEntry(item: unknown, path: Path): Written | { readonly slips: readonly Slip[] } {
  if (typeof item === "string" && item !== "") return { ...defaults, use: item, path, optionsPath: path };
  if (typeof item !== "object" || item === null || Array.isArray(item)) {
    return { slips: [{ path, text: `a plugin entry is ${show(item)}`, expected: forms }] };
  }
  const keys = Object.keys(item);
  const [name] = keys;
  if (!keys.includes("use") && keys.length === 1 && name !== undefined) {
    return { ...defaults, use: name, with: Reflect.get(item, name), path, optionsPath: [...path, name] };
  }
  if (!keys.includes("use")) return { slips: [severalKeys(keys, path)] };
  const { use } = { use: undefined, ...item };
  const plugin = typeof use === "string" ? use : null;
  const checked = validate(entryKeys, item);
  if (!checked.ok) {
    return { slips: checked.problems.map((problem) => ({ ...problem, path: [...path, ...problem.path], plugin })) };
  }
  // The schema that it has just passed.
  return { ...(checked.value as EntryKeys), path, optionsPath: [...path, "with"] };
}

function severalKeys(keys: readonly string[], path: Path): Slip {
  const long = Object.keys(entryKeys.properties);
  const name = keys.find((key) => !long.includes(key));
  const slip = keys.find((key) => key !== name && nearest(key, ["use"]) !== null);
  if (keys.length === 0) return { path, text: "a plugin entry is empty", expected: forms };
  const hint =
    name !== undefined && keys.some((key) => long.includes(key)) ? `use: ${name}, with its options in with:` : forms;
  return {
    path,
    plugin: name ?? null,
    text: `a plugin entry has the keys ${keys.join(", ")}, but no "use"`,
    expected: hint,
    suggestion: slip === undefined ? null : "use",
  };
}

type Loaded = Omit<PluginEntry, "id"> | { readonly slips: readonly Slip[] };

async function loadEntry(written: Written, source: Source, from: LoadFrom): Promise<Loaded> {
  const { use: name, path, optionsPath } = written;
  const loaded = await loadPlugin(name, from);
  if (!loaded.ok) {
    return { slips: loaded.problems.map((problem) => ({ ...problem, path, plugin: name })) };
  }
  const options: unknown = written.with ?? {};
  if (typeof options !== "object" || Array.isArray(options)) {
    const text = `its options are ${show(options)}`;
    return { slips: [{ path: optionsPath, plugin: name, text, expected: "a table (key: value)" }] };
  }
  const checked = validateOptions(loaded.plugin, options);
  if (!checked.ok) {
    return {
      slips: checked.problems.map((problem) => ({ ...problem, path: [...optionsPath, ...problem.path], plugin: name })),
    };
  }
  const line = source.locate(path, "key")?.line;
  return {
    use: name,
    plugin: loaded.plugin,
    file: loaded.file,
    options: checked.value,
    when: readWhen(written.when),
    timeoutMs: written.timeoutMs ?? null,
    onFault: written.onFault,
    shadow: written.shadow,
    where: { file: source.file, line: line ?? 1 },
  };
}

function readWhen(when: EntryKeys["when"]): PluginEntry["when"] {
  if (when === undefined) return null;
  const list = (words: string | string[] | undefined) =>
    words === undefined ? null : typeof words === "string" ? [words] : words;
  return { role: list(when.role), listener: list(when.listener) };
}
