import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MailboxPattern } from "./pattern.ts";
import { MailboxPatterns } from "./patterns.ts";

const matches = (pattern: string, name: string): boolean => new MailboxPattern(pattern).matches(name);

describe("a mailbox pattern", () => {
  it.each([
    ["*", "a/b/c", true],
    ["%", "a", true],
    ["%", "a/b", false],
    ["a/%", "a/b", true],
    ["a/%", "a/b/c", false],
    ["a/%", "a/", true],
    ["a%c", "abc", true],
    ["a%c", "a/c", false],
    ["a*c", "a/b/c", true],
    ["%/%", "a/b", true],
    ["%%", "a/b", false],
    ["%*", "a/b", true],
    ["*%", "a/b", true],
    ["*b", "a/bb", true],
    ["", "", true],
    ["abc", "abc", true],
    ["abc", "abcd", false],
    ["ABC", "abc", false],
    ["a.c", "abc", false],
    ["Entw%", "Entwürfe", true],
  ])("%s and %s: %s", (pattern, name, answer) => {
    expect(matches(pattern, name)).toBe(answer);
  });

  it("finds INBOX in any case, and others in theirs", () => {
    for (const pattern of ["inbox", "InBox", "in%", "*BOX", "i*x"])
      expect(matches(pattern, "INBOX"), pattern).toBe(true);
    expect(matches("inbox/*", "INBOX/Child")).toBe(true);
    expect(matches("inbo", "INBOX")).toBe(false);
    expect(matches("work", "Work")).toBe(false);
  });

  it("says what an expression says, whatever the pattern", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "/", "*", "%"), maxLength: 80 });
    const name = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 60 });
    fc.assert(
      fc.property(text, name, (pattern, mailbox) => {
        const source = pattern
          .replace(/[*%]+/g, (run) => (run.includes("*") ? "*" : "%"))
          .replaceAll("*", "[^]*")
          .replaceAll("%", "[^/]*");
        expect(matches(pattern, mailbox)).toBe(new RegExp(`^${source}$`).test(mailbox));
      }),
      { numRuns: 500 },
    );
  });

  it("is no way to keep the server busy", () => {
    const name = "a".repeat(1000);
    const hostile = new MailboxPatterns(Array.from({ length: 500 }, (_, index) => `${"*a%".repeat(400)}${index}`));
    // An expression with these wildcards would not end.
    for (let count = 0; count < 1000; count++) expect(hostile.matches(name)).toBe(false);
  });
});
