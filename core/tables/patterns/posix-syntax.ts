/**
 * Reads a POSIX regular expression as glibc's regcomp(3) does, extended or basic, with the flags of regexp_table(5). Throws a
 * `PatternError` for what is none.
 */
import { PatternReader, sequenceOf } from "./pattern-reader.ts";
import { anyOf, type Node, type Pattern, PatternError, posixClass, type Range, setOf } from "./syntax-tree.ts";

export interface PosixFlags {
  readonly ignoresCase: boolean;
  /** `^` and `$` also at line ends, and `.` takes no line feed (REG_NEWLINE). */
  readonly isMultiline: boolean;
  readonly isExtended: boolean;
}

const REPEAT_LIMIT = 255 * 128; // RE_DUP_MAX of glibc

export function parsePosix(source: string, flags: PosixFlags): Pattern {
  const reader = new PosixReader(source, flags);
  const node = reader.whole();
  return { node, groups: reader.groups, isLongest: true };
}

class PosixReader extends PatternReader {
  protected override readonly endsEarly = "it ends in a backslash";
  readonly #flags: PosixFlags;

  constructor(source: string, flags: PosixFlags) {
    super(source);
    this.#flags = flags;
  }

  protected override takeBar(): boolean {
    return this.#takeOperator("|");
  }

  protected override sequence(): Node {
    const nodes: Node[] = [];
    while (this.at < this.source.length && !this.#isOperator("|") && !(this.depth > 1 && this.#isOperator(")"))) {
      if (this.#flags.isExtended && this.#isOperator(")")) throw new PatternError("there is a ) without its (");
      const isFirst = nodes.length === 0;
      // glibc: a repetition of nothing is passed over; in basic expressions a star there is a star
      if (isFirst && this.#flags.isExtended && /[*+?]/.test(this.source[this.at] ?? "")) {
        this.at += 1;
        continue;
      }
      const atom = this.#atom(isFirst);
      nodes.push(this.#quantified(atom));
    }
    return sequenceOf(nodes);
  }

  #atom(isFirst: boolean): Node {
    if (this.#takeOperator("(")) {
      this.groups += 1;
      const index = this.groups;
      const node = this.choice();
      if (!this.#takeOperator(")")) throw new PatternError("there is a ( without its )");
      return { is: "group", index, node };
    }
    const char = this.next();
    switch (char) {
      case "[":
        return this.#set();
      case "\\":
        return this.#escape();
      case ".":
        return anyOf(!this.#flags.isMultiline);
      case "^":
        if (this.#flags.isExtended || isFirst) return { is: this.#flags.isMultiline ? "lineStart" : "start" };
        break;
      case "$":
        if (this.#flags.isExtended || this.#isAtEndOfBranch())
          return { is: this.#flags.isMultiline ? "lineEnd" : "end" };
        break;
    }
    return this.#char(char);
  }

  #quantified(node: Node): Node {
    let result = node;
    for (;;) {
      const count = this.#quantifier(node.is === "start" || node.is === "lineStart");
      if (!count) return result;
      result = { is: "repeat", node: result, least: count[0], most: count[1], isLazy: false };
    }
  }

  #quantifier(isAfterStart: boolean): Range | null {
    const isStar = this.source[this.at] === "*" && (this.#flags.isExtended || !isAfterStart);
    if (isStar) this.at += 1;
    if (isStar) return [0, Number.POSITIVE_INFINITY];
    if (this.#takeOperator("+")) return [1, Number.POSITIVE_INFINITY];
    if (this.#takeOperator("?")) return [0, 1];
    const braces = this.#flags.isExtended ? /\{(\d*)(,?)(\d*)\}/y : /\\\{(\d*)(,?)(\d*)\\\}/y;
    braces.lastIndex = this.at;
    const found = braces.exec(this.source);
    if (!found || (found[1] === "" && found[2] === "")) {
      if (found || this.#isOperator("{")) throw new PatternError("braces without a number of repetitions");
      return null;
    }
    this.at += found[0].length;
    const least = Number(found[1] || "0");
    const most = found[2] === "" ? least : found[3] === "" ? Number.POSITIVE_INFINITY : Number(found[3]);
    if (least > REPEAT_LIMIT || most < least || (most !== Number.POSITIVE_INFINITY && most > REPEAT_LIMIT))
      throw new PatternError(`${found[0]} is no number of repetitions`);
    return [least, most];
  }

  #escape(): Node {
    const char = this.next();
    if (/[1-9]/.test(char)) {
      const index = Number(char);
      if (index > this.groups) throw new PatternError(`there is no group for \\${char}`);
      return { is: "reference", index, ignoresCase: this.#flags.ignoresCase };
    }
    switch (char) {
      case "<":
        return { is: "wordStart" };
      case ">":
        return { is: "wordEnd" };
      case "b":
        return { is: "wordEdge" };
      case "B":
        return { is: "noWordEdge" };
      case "`":
        return { is: "start" };
      case "'":
        return { is: "end" };
      case "w":
      case "W":
      case "s":
      case "S":
        return setOf({ ranges: posixClass(/w/i.test(char) ? "word" : "space"), isNegated: /[WS]/.test(char) });
      default:
        return this.#char(char);
    }
  }

  #set(): Node {
    const isNegated = this.source[this.at] === "^";
    if (isNegated) this.at += 1;
    const ranges: Range[] = [];
    for (let isFirst = true; ; isFirst = false) {
      if (this.at >= this.source.length) throw new PatternError("there is a [ without its ]");
      if (!isFirst && this.source[this.at] === "]") break;
      const named = this.#bracketed(":");
      if (named !== null) {
        ranges.push(...posixClass(named));
        continue;
      }
      const from = this.#member();
      if (this.source[this.at] !== "-" || this.source[this.at + 1] === "]") {
        ranges.push([from, from]);
        continue;
      }
      this.at += 1;
      const to = this.#member();
      if (to < from) throw new PatternError("a range in [ ] runs backwards");
      ranges.push([from, to]);
    }
    this.at += 1;
    // REG_NEWLINE: a set that is negated takes no line feed either
    if (isNegated && this.#flags.isMultiline) ranges.push([0x0a, 0x0a]);
    return { is: "set", ranges, isNegated, ignoresCase: this.#flags.ignoresCase };
  }

  /** A backslash is a backslash in here. */
  #member(): number {
    const name = this.#bracketed(".") ?? this.#bracketed("=");
    if (name !== null && [...name].length !== 1) throw new PatternError(`there is no character named ${name}`);
    return (name ?? this.next()).codePointAt(0) ?? 0;
  }

  #bracketed(mark: ":" | "." | "="): string | null {
    if (!this.source.startsWith(`[${mark}`, this.at)) return null;
    const end = this.source.indexOf(`${mark}]`, this.at + 2);
    if (end < 0) return null;
    const name = this.source.slice(this.at + 2, end);
    this.at = end + 2;
    return name;
  }

  #char(char: string): Node {
    return { is: "char", code: char.codePointAt(0) ?? 0, ignoresCase: this.#flags.ignoresCase };
  }

  /** Operators stand bare in extended expressions, behind a backslash in basic ones. */
  #isOperator(operator: string): boolean {
    return this.source.startsWith(this.#flags.isExtended ? operator : `\\${operator}`, this.at);
  }

  #takeOperator(operator: string): boolean {
    if (!this.#isOperator(operator)) return false;
    this.at += this.#flags.isExtended ? 1 : 2;
    return true;
  }

  #isAtEndOfBranch(): boolean {
    return this.at >= this.source.length || this.#isOperator(")") || this.#isOperator("|");
  }
}
