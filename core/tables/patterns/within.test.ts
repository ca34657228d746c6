/** A table is asked once about a whole text instead of about each of its parts: `false` must never be wrong. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openInlinePatterns } from "./pattern-table.ts";

const table = (syntax: "pcre" | "regexp", rules: readonly string[]) =>
  openInlinePatterns(syntax, `{ ${rules.map((rule) => `{ ${rule} }`).join(" ")} }`);

describe("whether a part of a text may have an answer", () => {
  it.each([
    ["one that stands in it", "/lottery/ x", "you won the Lottery today", true],
    ["one that does not", "/lottery/ x", "see you on Monday", false],
    ["one whose case counts", "/lottery/i x", "you won the Lottery today", false],
    ["one for the start of a field", "/^Subject: cheap/ x", "To: a@b\nSubject: cheap\n\nhello", true],
    ["one for the end of a line", "/cheap$/ x", "so cheap\nand more", true],
    ["one for a word", "/\\bcat\\b/ x", "concatenate", true],
    ["one with look-around", "/a(?=b)(?!c)/ x", "an apple", true],
    ["one with a back reference", "/(ab)-\\1/ x", "nothing of it", false],
    ["one for the empty line", "/^$/ x", "anything", true],
    ["what does not match", "!/lottery/ x", "see you on Monday", true],
    ["one within a condition", "if /^Subject:/ x", "Subject: hello", true],
  ])("%s", (_, rule, text, answer) => {
    const rules = rule.startsWith("if") ? [rule.slice(0, -2), "/hello/ x", "endif"] : [rule];
    expect(table("pcre", rules).mayAnswerWithin?.(text)).toBe(answer);
  });

  it.each([
    ["a choice", "/(cheap|dear) offers?/ x", "dear offer", true],
    ["a choice, none of which", "/(cheap|dear) offers?/ x", "an offer", false],
    ["a repeated word", "/(?:very ){2,3}cheap/ x", "very very cheap", true],
    ["an optional word", "/(?:very )?cheap/ x", "cheap", true],
    ["letters of another alphabet", "/straße/ x", "Straße", true],
    ["a long s, which is an s", "/sale/ x", "\u017fale", true],
  ])("looks for what must stand there: %s", (_, rule, text, answer) => {
    expect(table("pcre", [rule]).mayAnswerWithin?.(text)).toBe(answer);
  });

  it("is told for POSIX patterns, too", () => {
    expect(table("regexp", ["/\\<cheap\\>/ x"]).mayAnswerWithin?.("so cheap")).toBe(true);
    expect(table("regexp", ["/\\<cheap\\>/ x"]).mayAnswerWithin?.("dear")).toBe(false);
  });

  it("is never denied of a text that has such a part", () => {
    const patterns = [
      "/^ab+$/",
      "/\\ba.c\\b/",
      "/^[^b]+$/m",
      "/(a|bc){2}$/",
      "/a{2,}\\z/",
      "/abc|bca c?/",
      "/a(bc)+a|(a b c)?cab/",
      "/\\Ab(?i:C)/",
    ];
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "c", "C", " ", "\n"), maxLength: 12 });
    fc.assert(
      fc.property(fc.constantFrom(...patterns), letters, letters, letters, (pattern, before, key, after) => {
        const one = table("pcre", [`${pattern} x`]);
        if (one.get(key) !== null) expect(one.mayAnswerWithin?.(before + key + after)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
