// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how Postfix writes it
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { logicalLines } from "../logical-lines.ts";
import { atOnce } from "../slices.ts";
import { execBounded } from "./bounded-regexp.ts";
import { compile, Matcher } from "./matcher.ts";
import { openInlinePatterns } from "./pattern-table.ts";
import { parsePcre } from "./pcre-syntax.ts";
import { parsePosix } from "./posix-syntax.ts";
import { parseRules } from "./rules.ts";

const plain = {
  ignoresCase: false,
  isMultiline: false,
  dotTakesAll: true,
  isExtended: false,
  isAnchored: false,
  isUngreedy: false,
};
const ask = (syntax: "pcre" | "regexp", rules: readonly string[], key: string) =>
  openInlinePatterns(syntax, `{ ${rules.map((rule) => `{ ${rule} }`).join(" ")} }`).get(key);

describe("time", () => {
  it("is linear for what RE2 can say, however it is nested", () => {
    for (const pattern of ["/^(a+)+$/ x", "/^(a|aa)+$/ x", "/(.*)*z/ x", "/(a*)*b/ x"])
      expect(ask("pcre", [pattern], `${"a".repeat(5_000)}!`)).toBeNull();
  });

  it("is bounded for what it cannot: such a key has no answer, rather than a wrong one", () => {
    expect(() => ask("pcre", ["/^(a+)+(?!b)(?=c)$/ x"], "a".repeat(60))).toThrow(/longer than/);
    expect(() => ask("pcre", ["/^(a+)+\\1(?=c)/ x"], "a".repeat(60))).toThrow(/longer than/);
  });

  it("goes on after such a key", () => {
    expect(() => execBounded(/^(a+)+$/u, `${"a".repeat(60)}!`)).toThrow();
    expect(execBounded(/b(c)/u, "abc")?.[1]).toBe("c");
    expect(ask("pcre", ["/^a(?=b)/ x"], "ab")).toBe("x");
  });

  it("is not spent on what the wider form rules out already", () => {
    const { linear, backtracking } = compile(parsePcre("^(a+)+(?=c)b", plain));
    expect([linear?.isExact, backtracking === null]).toEqual([false, false]);
    expect(new Matcher([compile(parsePcre("^(a+)+(?=c)b", plain))]).match("a".repeat(60)).has(0)).toBe(false);
  });

  it("holds with many patterns at once, and with one that is too large for the automaton", { timeout: 60_000 }, () => {
    const rules = Array.from({ length: 500 }, (_, n) => `/(spam|ham)${n}\\b.{0,9}x/ ${n}`);
    expect(ask("pcre", rules, "my ham499 has x")).toBe("499");
    expect(ask("pcre", ["/^.{2000}b/ long"], `${"a".repeat(2_000)}b`)).toBe("long");
    expect(ask("pcre", ["/^(?:.{900}){40}b/ longer"], `${"a".repeat(36_000)}b`)).toBe("longer");
  });
});

describe("Perl's notation", () => {
  it.each([
    ["a look behind", "/(?<=foo)bar/ x", "foobar", "x"],
    ["a look behind that fails", "/(?<=fop)bar/ x", "foobar", null],
    ["a negative look behind", "/(?<!foo)bar/ x", "foobar", null],
    ["an atomic group", "/(?>a+)ab/ x", "aaab", null],
    ["a possessive repetition", "/a++b(c)/ $1", "aaabC", "C"],
    ["groups keep their numbers beside atomic ones", "/(?>(a))(?>(b))(c)\\3/ $1$2$3", "abcc", "abc"],
    ["a named group and its reference", "/(?<n>a|b)-(?P=n)/ x", "b-b", "x"],
    ["a relative reference", "/(a)(b)\\g{-1}/ x", "abb", "x"],
    ["an octal code where there is no such group", "/\\101\\x42\\103/ x", "ABC", "x"],
    ["a code point", "/^\\x{e4}$/ x", "\u00e4", "x"],
    ["quoted text", "/^\\Qa.b*\\E$/ x", "a.b*", "x"],
    ["a comment", "/a(?# not this)b/ x", "ab", "x"],
    ["flags inside", "/(?-i)A(?i:b)/ x", "AB", "x"],
    ["flags inside that do not hold outside", "/(?-i)A(?i:b)C/ x", "ABc", null],
    ["lines with m", "/^b$/m x", "a\nb\nc", "x"],
    ["no lines without m", "/^b$/ x", "a\nb\nc", null],
    ["a dot takes a line end", "/a.b/ x", "a\nb", "x"],
    ["and with s turned over it does not", "/a.b/s x", "a\nb", null],
    ["blanks with x", "/a b # c\n/x x", "ab", "x"],
    ["laziness", "/^(a+?)(a*)$/ $1-$2", "aaa", "a-aa"],
    ["laziness turned over by U", "/^(a+)(a*)$/U $1-$2", "aaa", "a-aa"],
    ["a brace that is none of a repetition", "/a{,2}/ x", "a{,2}", "x"],
    ["a bracket first in a set", "/^[]a]+$/ x", "a]", "x"],
    ["a set with shorthands", "/^[\\d\\-x]+$/ x", "1-X", "x"],
    ["no other case for what is not a word", "/^\\W$/ x", "k", null],
    ["no other case in a set of such", "/^[\\W_]$/ x", "s", null],
    ["POSIX classes without case", "/^[[:^lower:]]$/ x", "A", null],
    ["white space of all kinds", "/^\\h\\v\\s$/ x", "\t\n\v", "x"],
    ["any line end", "/a\\Rb/ x", "a\r\nb", "x"],
    ["a word's edge in a look", "/\\bcat\\b(?! food)/ x", "cat food", null],
  ])("%s", (_, rule, key, value) => {
    expect(ask("pcre", [rule], key)).toBe(value);
  });

  it.each([
    ["(", "without its )"],
    ["a)", "without its ("],
    ["[a", "without its ]"],
    ["*a", "nothing before"],
    ["a{3,1}", "no number of repetitions"],
    ["(?R)", "not known here"],
    ["(?(1)a|b)", "not known here"],
    ["(a)\\2", "no group"],
    ["[z-a]", "backwards"],
    ["[[:nope:]]", "no character class"],
    ["a(*SKIP)b", "not known here"],
    ["(?-i:a)(?i:b)(?=c)", "only in parts"],
    ["a\\", "ends too early"],
    [`${"(".repeat(300)}${")".repeat(300)}`, "too deep"],
  ])("refuses %s", (source, said) => {
    expect(() => compile(parsePcre(source, plain))).toThrow(said);
  });

  it("means what V8 means, where both know it", { timeout: 60_000 }, () => {
    const atom = fc.constantFrom(
      "a",
      "b",
      "c",
      ".",
      "[ab]",
      "[^a]",
      "\\d",
      "\\w",
      "(a|b)",
      "(?:b|cc)",
      "(?=a)",
      "(?!b)",
      "^",
      "$",
      "\\b",
    );
    const part = fc
      .tuple(atom, fc.constantFrom("", "", "", "*", "+", "?", "{2}", "{0,2}", "*?"))
      .map(([one, count]) => (/^(?:\^|\$|\\b|\(\?[=!].*)$/.test(one) ? one : one + count));
    const text = fc.string({ unit: fc.constantFrom("a", "b", "c", "1", " "), maxLength: 8 });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), text, (parts, key) => {
        const source = parts.join("");
        const expected = new RegExp(source, "su").exec(key);
        const match = new Matcher([compile(parsePcre(source, plain))]).match(key);
        expect([source, match.has(0)]).toEqual([source, expected !== null]);
      }),
      { numRuns: 300 },
    );
  });
});

describe("POSIX notation", () => {
  it.each([
    ["the longest match counts", "/^(a|ab)(c|bcd)?/ [$1][$2]", "abcd", "[a][bcd]"],
    ["basic expressions", "/^a(b)$/x x", "ab", null],
    ["bare brackets in a basic one", "/^a\\(b\\)c(d)$/x $1", "abc(d)", "b"],
    ["a star first in a basic one", "/^*a/x x", "*a", "x"],
    ["backslash in a set is itself", "/^[\\.]+$/ x", "\\.", "x"],
    ["line ends with m", "/^b$/m x", "a\nb", "x"],
    ["a negated set takes no line end with m", "/a[^b]c/m x", "a\nc", null],
    ["word edges", "/\\<ab\\>/ x", "x ab y", "x"],
    ["no word edge", "/\\<b/ x", "ab", null],
  ])("%s", (_, rule, key, value) => {
    expect(ask("regexp", [rule], key)).toBe(value);
  });

  it.each(["(", "a)", "[a", "a{2,1}", "a\\", "a{", "(a)\\2", "[[.nope.]]"])("refuses %s", (source) => {
    expect(() => parsePosix(source, { ignoresCase: false, isMultiline: false, isExtended: true })).toThrow();
  });
});

describe("lines", () => {
  const mistakes = (text: string) =>
    atOnce(parseRules(logicalLines(text), "pcre")).mistakes.map(({ line, text: said }) => `${line}: ${said}`);

  it("are reported by their number, and none is passed over silently", () => {
    expect(
      mistakes("/a/ ok\n/b\n/c/q x\n/(d)/ $2\n!/(e)/ $1\nendif\n/f/\nif /g/ more\n/h/ x\nplain x\n/i/ $\n/j/ ${name}"),
    ).toEqual([
      expect.stringMatching(/^2: there is no \/ that ends/),
      expect.stringMatching(/^3: there is no flag "q"/),
      expect.stringMatching(/^4: there is no group for \$2/),
      expect.stringMatching(/^5: what does not match has no groups/),
      expect.stringMatching(/^6: endif without its if/),
      expect.stringMatching(/^7: there is no result/),
      expect.stringMatching(/^8: there is text behind the condition/),
      expect.stringMatching(/^10: a pattern stands between/),
      expect.stringMatching(/^11: "\$" is no number/),
      expect.stringMatching(/^12: "\$name" is no number/),
      expect.stringMatching(/^8: if without its endif/),
    ]);
  });

  it("a block whose condition is bad is left out as a whole", () => {
    const { rules, mistakes: found } = atOnce(parseRules(logicalLines("if /(/\n/./ all\nendif\n/b/ x"), "pcre"));
    expect(rules.map(({ line }) => line)).toEqual([4]);
    expect(found[0]?.text).toMatch(/all from here to its endif/);
  });

  it("in braces a mistake keeps the table from opening", () => {
    expect(() => ask("pcre", ["/(/ x"], "a")).toThrow(/rule 1 of pcre/);
    expect(() => openInlinePatterns("pcre", "{ /a/ x }")).toThrow(/in braces/);
  });
});
