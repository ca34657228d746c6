/** The right-hand side of a pattern table: text with `$1`, `${1}`, `$(1)` for what a group matched, and `$$` for a dollar sign. */
import { PatternError } from "./syntax-tree.ts";

export type ResultText = readonly (string | number)[];

/** Throws a `PatternError` for what Postfix does not take: a name, a number without its group, a lone dollar sign. */
export function parseResult(text: string, groups: number): ResultText {
  const pieces: (string | number)[] = [];
  let at = 0;
  for (;;) {
    const dollar = text.indexOf("$", at);
    if (dollar < 0) break;
    pieces.push(text.slice(at, dollar));
    if (text[dollar + 1] === "$") {
      pieces.push("$");
      at = dollar + 2;
      continue;
    }
    const macro = /\{([^{}]*)\}|\(([^()]*)\)|([A-Za-z0-9_]+)/y;
    macro.lastIndex = dollar + 1;
    const found = macro.exec(text);
    const name = found?.[1] ?? found?.[2] ?? found?.[3] ?? "";
    if (!/^\d+$/.test(name)) throw new PatternError(`"$${name}" is no number of a group; write $$ for a dollar sign`);
    const index = Number(name);
    if (index < 1 || index > groups) throw new PatternError(`there is no group for $${name}`);
    pieces.push(index);
    at = dollar + 1 + (found?.[0].length ?? 0);
  }
  pieces.push(text.slice(at));
  return pieces.filter((piece) => piece !== "");
}

export const usesGroups = (result: ResultText): boolean => result.some((piece) => typeof piece === "number");

/** `groups` as a regular expression gives them; one that took no part is empty. */
export const fillIn = (result: ResultText, groups: readonly (string | null | undefined)[]): string =>
  result.map((piece) => (typeof piece === "number" ? (groups[piece] ?? "") : piece)).join("");
