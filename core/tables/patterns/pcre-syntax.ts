/**
 * Reads a pattern in Perl's notation (pcre2pattern(3)) with the flags of pcre_table(5). Throws a `PatternError` for what is no
 * pattern, and for what has no counterpart here: recursion, conditions, branch reset, verbs.
 */
import { PatternReader, sequenceOf } from "./pattern-reader.ts";
import {
  anyOf,
  MAX_CODE,
  type Node,
  type Pattern,
  PatternError,
  posixClass,
  type Range,
  rangesOf,
  setOf,
  shorthand,
} from "./syntax-tree.ts";

export interface PcreFlags {
  readonly ignoresCase: boolean;
  readonly isMultiline: boolean;
  readonly dotTakesAll: boolean;
  readonly isExtended: boolean;
  readonly isAnchored: boolean;
  /** Quantifiers are lazy, and greedy with `?`. */
  readonly isUngreedy: boolean;
}

const REPEAT_LIMIT = 65_535;

export function parsePcre(source: string, flags: PcreFlags): Pattern {
  const reader = new PcreReader(source, flags);
  const node = reader.whole();
  return {
    node: flags.isAnchored ? { is: "sequence", nodes: [{ is: "start" }, node] } : node,
    groups: reader.groups,
    isLongest: false,
  };
}

class PcreReader extends PatternReader {
  protected override readonly endsEarly = "it ends too early";
  readonly #names = new Map<string, number>();
  readonly #groupsInAll: number;
  #flags: PcreFlags;

  constructor(source: string, flags: PcreFlags) {
    super(source);
    this.#flags = flags;
    this.#groupsInAll = (source.match(/\((?!\?)|\(\?(?:P?<(?![=!])|')/g) ?? []).length;
  }

  override whole(): Node {
    while (this.#takes(/\(\*(?:UTF8?|UCP|NO_[A-Z_]+|CR|LF|CRLF|ANYCRLF|ANY|NUL|BSR_[A-Z]+)\)/y));
    return super.whole();
  }

  /** Flags that are changed in a group hold to its end. */
  protected override choice(): Node {
    const before = this.#flags;
    const node = super.choice();
    this.#flags = before;
    return node;
  }

  protected override takeBar(): boolean {
    return this.#take("|");
  }

  protected override sequence(): Node {
    const nodes: Node[] = [];
    for (;;) {
      this.#skipBlanks();
      const next = this.source[this.at];
      if (next === undefined || next === "|" || next === ")") break;
      const atom = this.#atom();
      if (atom !== null) nodes.push(this.#quantified(atom));
    }
    return sequenceOf(nodes);
  }

  /** `null`: something that stands for nothing, a comment or a change of flags. */
  #atom(): Node | null {
    const char = this.next();
    switch (char) {
      case "(":
        return this.#group();
      case "[":
        return this.#set();
      case "\\":
        return this.#escape();
      case ".":
        return anyOf(this.#flags.dotTakesAll);
      case "^":
        return { is: this.#flags.isMultiline ? "lineStart" : "start" };
      case "$":
        return { is: this.#flags.isMultiline ? "lineEnd" : "end" };
      case "*":
      case "+":
      case "?":
        throw new PatternError(`there is nothing before ${char} that could be repeated`);
      default:
        return this.#char(char);
    }
  }

  #quantified(node: Node): Node {
    let result = node;
    for (;;) {
      this.#skipBlanks();
      const count = this.#quantifier();
      if (!count) return result;
      const [least, most] = count;
      const isPossessive = this.#take("+");
      const isLazy = !isPossessive && this.#take("?") !== this.#flags.isUngreedy;
      const repeat: Node = { is: "repeat", node: result, least, most, isLazy };
      result = isPossessive ? { is: "atomic", node: { ...repeat, isLazy: false } } : repeat;
    }
  }

  #quantifier(): Range | null {
    if (this.#take("*")) return [0, Number.POSITIVE_INFINITY];
    if (this.#take("+")) return [1, Number.POSITIVE_INFINITY];
    if (this.#take("?")) return [0, 1];
    // A brace that begins no quantifier is a brace.
    const found = this.#takes(/\{(\d+)(,?)(\d*)\}/y);
    if (!found) return null;
    const least = Number(found[1]);
    const most = found[2] === "" ? least : found[3] === "" ? Number.POSITIVE_INFINITY : Number(found[3]);
    if (least > REPEAT_LIMIT || (most !== Number.POSITIVE_INFINITY && most > REPEAT_LIMIT) || most < least)
      throw new PatternError(`${found[0]} is no number of repetitions`);
    return [least, most];
  }

  #group(): Node | null {
    if (this.#takes(/\*/y)) throw new PatternError("verbs such as (*SKIP) are not known here");
    if (!this.#take("?")) return this.#closed(this.#newGroup(null));
    if (this.#takes(/#[^)]*/y)) {
      this.#close();
      return null;
    }
    if (this.#take(":")) return this.#closed(null);
    if (this.#take(">")) return { is: "atomic", node: this.#closed(null) };
    const look = this.#takes(/<?[=!]/y);
    if (look) {
      const isBehind = look[0].startsWith("<");
      return { is: "look", isBehind, isNegated: look[0].endsWith("!"), node: this.#closed(null) };
    }
    const name = this.#takes(/P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)'/y);
    if (name) return this.#closed(this.#newGroup(name[1] ?? name[2] ?? null));
    const sameAs = this.#takes(/P=([A-Za-z_]\w*)/y);
    if (sameAs) {
      this.#close();
      return this.#named(sameAs[1] ?? "");
    }
    const change = this.#takes(/\^?([imsxUJn]*)(?:-([imsxUJn]*))?([:)])/y);
    if (!change) throw new PatternError("recursion, conditions, branch reset and callouts are not known here");
    const before = this.#flags;
    this.#flags = changed(before, change[1] ?? "", change[2] ?? "");
    if (change[3] === ")") return null;
    const node = this.#closed(null);
    this.#flags = before;
    return node;
  }

  #newGroup(name: string | null): number {
    this.groups += 1;
    if (name !== null) this.#names.set(name, this.groups);
    return this.groups;
  }

  #closed(index: number | null): Node {
    const node = this.choice();
    this.#close();
    return { is: "group", index, node };
  }

  #close(): void {
    if (!this.#take(")")) throw new PatternError("there is a ( without its )");
  }

  #escape(): Node | null {
    const quoted = this.#takes(/Q([\s\S]*?)(?:\\E|$)/y);
    if (quoted) {
      const nodes = [...(quoted[1] ?? "")].map((char) => this.#char(char));
      return { is: "sequence", nodes };
    }
    const reference = this.#takes(/([1-9]\d?)|g\{?(-?\d+)\}?|g\{([A-Za-z_]\w*)\}|k(?:<(\w+)>|'(\w+)'|\{(\w+)\})/y);
    if (reference) return this.#reference(reference);
    const property = this.#takes(/[pP](?:\{\^?\w+\}|[A-Z])/y);
    if (property) return { is: "property", text: `\\${property[0]}` };
    const letter = this.next();
    switch (letter) {
      case "E":
        return null;
      // What it leaves out of $0 nobody sees.
      case "K":
        return null;
      case "A":
        return { is: "start" };
      case "z":
      case "Z":
        return { is: "end" };
      case "G":
        return { is: "start" };
      case "b":
        return { is: "wordEdge" };
      case "B":
        return { is: "noWordEdge" };
      case "R":
        return newline();
      case "C":
      case "X":
        throw new PatternError(`\\${letter} is not known here`);
    }
    const short = shorthand(letter);
    if (short) return setOf(short);
    return { is: "char", code: this.#escapedCode(letter), ignoresCase: this.#flags.ignoresCase };
  }

  #reference([text, digits, number, name, ...names]: RegExpExecArray): Node {
    const given = name ?? names.find((one) => one !== undefined);
    if (given !== undefined) return this.#named(given);
    const wanted = Number(digits ?? number);
    // pcre2pattern(3): from 10 on, what is no group's number is an octal code
    if (digits !== undefined && wanted > 9 && wanted > this.#groupsInAll) {
      this.at -= text.length;
      return { is: "char", code: this.#escapedCode(this.next()), ignoresCase: this.#flags.ignoresCase };
    }
    const index = wanted < 0 ? this.groups + 1 + wanted : wanted;
    if (index < 1 || index > this.#groupsInAll) throw new PatternError(`there is no group for \\${text}`);
    return { is: "reference", index, ignoresCase: this.#flags.ignoresCase };
  }

  #named(name: string): Node {
    const index = this.#names.get(name);
    if (index === undefined) throw new PatternError(`there is no group named ${name} before it is asked for`);
    return { is: "reference", index, ignoresCase: this.#flags.ignoresCase };
  }

  /** Behind a backslash; `letter` is read already. */
  #escapedCode(letter: string): number {
    const simple = controls[letter];
    if (simple !== undefined) return simple;
    if (letter === "x") {
      const hex = this.#takes(/\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{0,2})/y);
      return codePoint(Number.parseInt(hex?.[1] ?? (hex?.[2] || "0"), 16));
    }
    if (letter === "o") {
      const octal = this.#takes(/\{([0-7]{1,7})\}/y);
      if (!octal) throw new PatternError("\\o takes an octal number in braces");
      return codePoint(Number.parseInt(octal[1] ?? "0", 8));
    }
    if (letter === "c") return this.next().toUpperCase().charCodeAt(0) ^ 64;
    if (/[0-7]/.test(letter)) {
      const more = this.#takes(/[0-7]{0,2}/y)?.[0] ?? "";
      return Number.parseInt(letter + more, 8) & 0xff;
    }
    if (/[A-Za-z0-9]/.test(letter)) throw new PatternError(`\\${letter} is not known here`);
    return letter.codePointAt(0) ?? 0;
  }

  #set(): Node {
    const isNegated = this.#take("^");
    const ranges: Range[] = [];
    for (let isFirst = true; ; isFirst = false) {
      if (this.at >= this.source.length) throw new PatternError("there is a [ without its ]");
      if (!isFirst && this.#take("]")) break;
      const posix = this.#takes(/\[:(\^?)(\w*):\]/y);
      if (posix) {
        ranges.push(...this.#posix(posix[2] ?? "", posix[1] === "^"));
        continue;
      }
      const from = this.#member();
      if (typeof from !== "number") {
        ranges.push(...from);
        continue;
      }
      if (this.source[this.at] !== "-" || this.source[this.at + 1] === "]") {
        ranges.push([from, from]);
        continue;
      }
      this.at += 1;
      const to = this.#member();
      if (typeof to !== "number") ranges.push([from, from], [0x2d, 0x2d], ...to);
      else if (to < from) throw new PatternError("a range in [ ] runs backwards");
      else ranges.push([from, to]);
    }
    return { is: "set", ranges, isNegated, ignoresCase: this.#flags.ignoresCase };
  }

  /** One character of a set, or a shorthand for several. */
  #member(): number | readonly Range[] {
    const char = this.next();
    if (char !== "\\") return char.codePointAt(0) ?? 0;
    const letter = this.next();
    if (letter === "b") return 8;
    if (letter === "p" || letter === "P") throw new PatternError(`\\${letter} in [ ] is not known here`);
    const short = shorthand(letter);
    return short ? rangesOf(short) : this.#escapedCode(letter);
  }

  #posix(name: string, isNegated: boolean): readonly Range[] {
    // Where case is ignored, a letter of either case is one of both.
    const isCased = name === "lower" || name === "upper";
    return rangesOf({ ranges: posixClass(isCased && this.#flags.ignoresCase ? "alpha" : name), isNegated });
  }

  #char(char: string): Node {
    return { is: "char", code: char.codePointAt(0) ?? 0, ignoresCase: this.#flags.ignoresCase };
  }

  #skipBlanks(): void {
    if (this.#flags.isExtended) this.#takes(/(?:\s+|#[^\n]*(?:\n|$))*/y);
  }

  #take(char: string): boolean {
    if (this.source[this.at] !== char) return false;
    this.at += 1;
    return true;
  }

  #takes(what: RegExp): RegExpExecArray | null {
    what.lastIndex = this.at;
    const found = what.exec(this.source);
    if (found) this.at += found[0].length;
    return found;
  }
}

const controls: Readonly<Record<string, number>> = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9 };

const newline = (): Node => {
  const one = (code: number): Node => ({ is: "char", code, ignoresCase: false });
  const single: Node = {
    is: "set",
    ranges: [
      [10, 13],
      [0x85, 0x85],
      [0x2028, 0x2029],
    ],
    isNegated: false,
    ignoresCase: null,
  };
  return {
    is: "group",
    index: null,
    node: { is: "choice", nodes: [{ is: "sequence", nodes: [one(13), one(10)] }, single] },
  };
};

function codePoint(code: number): number {
  if (!(code <= MAX_CODE)) throw new PatternError("there is no such character");
  return code;
}

function changed(flags: PcreFlags, on: string, off: string): PcreFlags {
  const pick = (letter: string, now: boolean) => (off.includes(letter) ? false : on.includes(letter) ? true : now);
  if (/[Jn]/.test(on + off)) throw new PatternError("the flags J and n are not known here");
  return {
    ...flags,
    ignoresCase: pick("i", flags.ignoresCase),
    isMultiline: pick("m", flags.isMultiline),
    dotTakesAll: pick("s", flags.dotTakesAll),
    isExtended: pick("x", flags.isExtended),
    isUngreedy: pick("U", flags.isUngreedy),
  };
}
