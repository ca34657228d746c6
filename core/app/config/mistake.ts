/** What is wrong with a config, told to its author: where, what, what was expected, and what was probably meant. */
import { relative } from "node:path";
import { nameOf, type Path } from "../../kernel/load/path.ts";
import type { Problem } from "../../kernel/load/validate.ts";

export interface Mistake {
  /** Absolute. */
  readonly file: string;
  /** From 1; `null` where the file is a program and has no lines to speak of. */
  readonly line: number | null;
  readonly column: number | null;
  /** The plugin entry it is about, as the operator wrote it. */
  readonly plugin: string | null;
  readonly path: Path;
  readonly text: string;
  readonly expected: string | null;
  readonly suggestion: string | null;
  readonly severity: "error" | "warning";
}

/** A mistake before its file and line are looked up. */
export interface Slip {
  readonly path: Path;
  readonly at?: Problem["at"];
  readonly text: string;
  readonly expected?: string | null;
  readonly suggestion?: string | null;
  readonly plugin?: string | null;
  readonly severity?: Mistake["severity"];
}

/** Something of the file, with its position in the list that it stands in. */
export interface Placed<T> {
  readonly position: number;
  readonly of: T;
}

/** All of them, in the order of the file, without control characters. */
export function renderMistakes(mistakes: readonly Mistake[], cwd: string = process.cwd()): string {
  return [...mistakes]
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
    .map((mistake) => render(mistake, cwd))
    .join("\n");
}

function render(mistake: Mistake, cwd: string): string {
  const { line, column, plugin, path, text, expected, suggestion, severity } = mistake;
  const near = relative(cwd, mistake.file);
  const file = near === "" || near.startsWith("..") ? mistake.file : near;
  const place = line === null ? (path.length === 0 ? "" : ` ${nameOf(path)}:`) : `${line}:${column ?? 1}:`;
  const lines = [
    `${file}:${place}${severity === "warning" ? " warning:" : ""}${plugin === null ? "" : ` ${plugin}:`} ${text}`,
    ...(expected ? [`    expected ${expected}`] : []),
    ...(suggestion ? [`    did you mean "${suggestion}"?`] : []),
  ];
  return lines.map(printable).join("\n");
}

/** A config may hold anything; a terminal should not. */
const printable = (text: string) => text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, "?");
