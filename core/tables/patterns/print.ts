/**
 * Writes a syntax tree in the notations of the two engines. `linear`: RE2's, in which everything runs in linear time; what RE2
 * cannot say is left out or widened there, so that it matches whatever the whole would, and more. `backtracking`: V8's, exact.
 */
import { MAX_CODE, type Node, type Pattern, PatternError, type Range } from "./syntax-tree.ts";

export interface Linear {
  readonly text: string;
  /** `false`: what it matches has to be tried again with the backtracking form. */
  readonly isExact: boolean;
}

/** `edges: "dropped"`: what only looks at where it stands is left out, so that a part of a text is found in the whole. */
export function printLinear({ node }: Pattern, edges: "kept" | "dropped" = "kept"): Linear {
  let isExact = true;
  const edge = (text: string): string => (edges === "kept" ? text : "(?:)");
  const cases = new Set<boolean | null>();
  collectCases(node, cases);
  cases.delete(null);
  const isUniform = cases.size < 2;
  const cased = (ignoresCase: boolean | null, text: string): string =>
    !isUniform && ignoresCase === true ? `(?i:${text})` : text;
  const inexactly = (text: string) => {
    isExact = false;
    return text;
  };
  const print = (tree: Node): string => {
    switch (tree.is) {
      case "char":
        return cased(tree.ignoresCase, charText(tree.code, "linear"));
      case "set":
        return cased(tree.ignoresCase, setText(tree.ranges, tree.isNegated, "linear"));
      case "property":
        return tree.text;
      case "start":
        return edge("\\A");
      case "end":
        return edge("\\z");
      case "lineStart":
        return edge("(?m:^)");
      case "lineEnd":
        return edge("(?m:$)");
      case "wordEdge":
        return edge("\\b");
      case "noWordEdge":
        return edge("\\B");
      // A word's edge, but which one RE2 cannot say.
      case "wordStart":
      case "wordEnd":
        return inexactly(edge("\\b"));
      case "sequence":
        return tree.nodes.map(print).join("");
      case "choice":
        return `(?:${tree.nodes.map(print).join("|")})`;
      case "group":
        return `(${tree.index === null ? "?:" : ""}${print(tree.node)})`;
      case "atomic":
        return inexactly(`(?:${print(tree.node)})`);
      case "look":
        return inexactly("(?:)");
      case "reference":
        return inexactly("(?s:.*)");
      case "repeat":
        return `(?:${print(tree.node)})${countText(tree)}`;
    }
  };
  const text = print(node);
  return { text: isUniform && cases.has(true) ? `(?i)${text}` : text, isExact };
}

export interface Backtracking {
  readonly regExp: RegExp;
  /** Where each of the author's groups, from 1, stands among those of `regExp`. */
  readonly groups: readonly number[];
}

/** Throws a `PatternError` where V8 cannot say it either. */
export function printBacktracking({ node, groups: count }: Pattern): Backtracking {
  const groups = new Array<number>(count + 1).fill(0);
  const atomics = new Map<Node, number>();
  let ofEngine = 0;
  // Numbers first: a reference may stand before its group.
  const number = (tree: Node): void => {
    if (tree.is === "group" && tree.index !== null) groups[tree.index] = ++ofEngine;
    if (tree.is === "atomic") atomics.set(tree, ++ofEngine);
    if ("nodes" in tree) tree.nodes.forEach(number);
    else if ("node" in tree) number(tree.node);
  };
  number(node);
  const ignoresCase = new Set<boolean | null>();
  collectCases(node, ignoresCase);
  ignoresCase.delete(null);
  const print = (tree: Node): string => {
    switch (tree.is) {
      case "char":
        return charText(tree.code, "backtracking");
      case "set":
        return setText(tree.ranges, tree.isNegated, "backtracking");
      case "property":
        return tree.text.length === 3 ? `${tree.text.slice(0, 2)}{${tree.text.slice(2)}}` : tree.text;
      case "start":
        return "(?<![^])";
      case "end":
        return "(?![^])";
      case "lineStart":
        return "(?<![^\\n])";
      case "lineEnd":
        return "(?![^\\n])";
      case "wordEdge":
        return "\\b";
      case "noWordEdge":
        return "\\B";
      case "wordStart":
        return "(?:\\b(?=\\w))";
      case "wordEnd":
        return "(?:\\b(?<=\\w))";
      case "sequence":
        return tree.nodes.map(print).join("");
      case "choice":
        return `(?:${tree.nodes.map(print).join("|")})`;
      case "group":
        return `(${tree.index === null ? "?:" : ""}${print(tree.node)})`;
      case "atomic":
        return `(?:(?=(${print(tree.node)}))\\${atomics.get(tree)})`;
      case "look":
        return `(?:(?${tree.isBehind ? "<" : ""}${tree.isNegated ? "!" : "="}${print(tree.node)}))`;
      case "reference":
        return `(?:\\${groups[tree.index] || 0})`;
      case "repeat":
        return `(?:${print(tree.node)})${countText(tree)}`;
    }
  };
  const text = print(node);
  if (ignoresCase.size > 1)
    throw new PatternError("look-around and back references do not go with case that counts only in parts");
  try {
    return { regExp: new RegExp(text, ignoresCase.has(true) ? "iu" : "u"), groups };
  } catch (cause) {
    throw new PatternError("it cannot be made", { cause });
  }
}

type Engine = "linear" | "backtracking";

/** How case counts for whatever has letters in it. */
function collectCases(tree: Node, cases: Set<boolean | null>): void {
  if (tree.is === "char" && hasLetters(tree.code, tree.code)) cases.add(tree.ignoresCase);
  else if (tree.is === "set" && tree.ranges.some(([from, to]) => hasLetters(from, to))) cases.add(tree.ignoresCase);
  else if (tree.is === "reference") cases.add(tree.ignoresCase);
  else if ("nodes" in tree) for (const node of tree.nodes) collectCases(node, cases);
  else if ("node" in tree) collectCases(tree.node, cases);
}

function charText(code: number, engine: Engine): string {
  const char = String.fromCodePoint(code);
  if (/[A-Za-z0-9_ @"'#%&,:;<=>~`!-]/.test(char) || (code > 0xa0 && code < 0xd800)) return char;
  return engine === "linear" ? `\\x{${code.toString(16)}}` : `\\u{${code.toString(16)}}`;
}

function setText(ranges: readonly Range[], isNegated: boolean, engine: Engine): string {
  if (!isNegated && ranges.length === 1 && ranges[0]?.[0] === 0 && ranges[0][1] === MAX_CODE)
    return engine === "linear" ? "(?s:.)" : "[^]";
  const code = (at: number) => (engine === "linear" ? `\\x{${at.toString(16)}}` : `\\u{${at.toString(16)}}`);
  const members = ranges.map(([from, to]) => (from === to ? code(from) : `${code(from)}-${code(to)}`));
  return `[${isNegated ? "^" : ""}${members.join("")}]`;
}

function countText({ least, most, isLazy }: Extract<Node, { is: "repeat" }>): string {
  const lazy = isLazy ? "?" : "";
  if (most === Number.POSITIVE_INFINITY && least < 2) return `${least === 0 ? "*" : "+"}${lazy}`;
  if (least === 0 && most === 1) return `?${lazy}`;
  return `{${least}${most === least ? "" : `,${most === Number.POSITIVE_INFINITY ? "" : most}`}}${lazy}`;
}

const hasLetters = (from: number, to: number): boolean =>
  to > 0x7f || (from <= 0x5a && to >= 0x41) || (from <= 0x7a && to >= 0x61);
