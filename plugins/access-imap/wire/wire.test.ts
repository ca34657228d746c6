import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MailboxPattern } from "../list/pattern.ts";
import { CommandParser } from "./command-parser.ts";
import { formatDateTime, parseDateTime, parseDay } from "./date-time.ts";
import { formatAstring, formatNstring, formatString, formatText } from "./format.ts";
import { formatSet } from "./sequence-set.ts";
import { SyntaxFault } from "./syntax-fault.ts";

const parser = (...segments: (string | Buffer)[]) => new CommandParser(segments);

describe("CommandParser", () => {
  it("reads strings in all their forms", () => {
    expect(parser("atom]").astring()).toBe("atom]");
    expect(parser('"a \\"quoted\\" \\\\ one" x').astring()).toBe('a "quoted" \\ one');
    expect(parser('""').astring()).toBe("");
    expect(parser("", Buffer.from("lit\r\n\0"), " x").astring()).toBe("lit\r\n\0");
    expect(parser("NIL").nstring()).toBeNull();
    expect(parser('"NIL"').nstring()).toBe("NIL");
  });

  it("goes on behind a literal", () => {
    const one = parser("a LOGIN ", Buffer.from("ann"), " ", Buffer.from("x y"), "");
    expect(one.tag()).toBe("a");
    one.space();
    expect(one.atom()).toBe("LOGIN");
    one.space();
    expect(one.astring()).toBe("ann");
    one.space();
    expect(one.astring()).toBe("x y");
    one.end();
  });

  const refused: [name: string, act: () => unknown][] = [
    ["an atom with specials", () => parser("(").atom()],
    ["a quoted string without end", () => parser('"abc').string()],
    ["a quoted string that ends in a backslash", () => parser('"abc\\').string()],
    ["NUL in a quoted string", () => parser('"a\0b"').string()],
    ["a literal that is not there", () => parser("").string()],
    ["a number too large", () => parser("99999999999999999999").number()],
    ["a list without end", () => parser("(a b").list(() => 1)],
    ["an unknown system flag", () => parser("\\Nonsense").flag()],
    ["a keyword too long", () => parser("x".repeat(300)).flag()],
    ["modified UTF-7 that is none", () => parser("&abc").mailbox()],
    ["more than was expected", () => parser("x").end()],
    ["a tag with a plus", () => parser("+ x").tag()],
  ];
  it.each(refused)("refuses %s", (_name, act) => {
    expect(act).toThrow(SyntaxFault);
  });

  it("spells flags and INBOX one way", () => {
    expect(parser("\\sEEN").flag()).toBe("\\Seen");
    expect(parser("iNbOx").mailbox()).toBe("INBOX");
  });

  it("throws nothing but SyntaxFault, whatever comes", () => {
    const piece = fc.oneof(
      fc.string({ unit: fc.constantFrom(...'()[]{}"\\%*<>. :,1aZ&-+~\0\r\x80\xff') }),
      fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes)),
    );
    const acts = [
      "astring",
      "string",
      "nstring",
      "number",
      "sequenceSet",
      "mailbox",
      "listMailbox",
      "flag",
      "date",
      "dateTime",
    ] as const;
    fc.assert(
      fc.property(
        fc.array(piece, { minLength: 1, maxLength: 5 }),
        fc.array(fc.constantFrom(...acts)),
        (segments, calls) => {
          const one = parser(...segments);
          for (const call of calls) {
            try {
              one[call]();
            } catch (fault) {
              expect(fault).toBeInstanceOf(SyntaxFault);
            }
          }
        },
      ),
    );
  });
});

describe("formats", () => {
  it("quotes what can be quoted and makes literals of the rest", () => {
    expect(formatString('a "b" \\')).toBe('"a \\"b\\" \\\\"');
    expect(formatString("a\r\nb")).toBe("{4}\r\na\r\nb");
    expect(formatString("\xc3\xbc")).toBe("{2}\r\n\xc3\xbc");
    expect(formatString("\0")).toBe("{1}\r\n\x80");
    expect(formatString("x".repeat(2000))).toMatch(/^\{2000\}\r\n/);
    expect(formatNstring(null)).toBe("NIL");
    expect(formatAstring("Work/2026")).toBe("Work/2026");
    expect(formatAstring("nil")).toBe('"nil"');
    expect(formatAstring("")).toBe('""');
    expect(formatAstring("a b")).toBe('"a b"');
  });

  it("lets no control character and no response code into texts", () => {
    expect(formatText("a\r\nb BAD\0")).toBe("a b BAD");
    expect(formatText("[ALERT] x")).toBe(": [ALERT] x");
    expect(formatText("\r\n")).toBe("-");
  });

  it("writes sets short", () => {
    expect(formatSet([1, 2, 3, 7, 9, 10])).toBe("1:3,7,9:10");
    expect(formatSet([])).toBe("");
    expect(formatSet([5, 3])).toBe("5,3");
  });

  it("reads and writes dates", () => {
    expect(formatDateTime(Date.UTC(1994, 1, 7, 1, 2, 3))).toBe('" 7-Feb-1994 01:02:03 +0000"');
    expect(parseDateTime(" 7-Feb-1994 21:52:25 -0800")).toBe(Date.UTC(1994, 1, 8, 5, 52, 25));
    expect(parseDateTime("7-feb-1994 21:52:25 +0000")).toBe(Date.UTC(1994, 1, 7, 21, 52, 25));
    for (const wrong of [
      "31-Feb-1994 00:00:00 +0000",
      "7-Feb-94 00:00:00 +0000",
      "07-Feb-1994",
      "7-Feb-1994 24:00:00 +0000",
    ])
      expect(parseDateTime(wrong)).toBeNull();
    expect(parseDay("1-Jan-1970")).toBe(0);
    expect(parseDay("29-Feb-2023")).toBeNull();
  });
});

describe("MailboxPattern", () => {
  const patterns: [pattern: string, matching: string[], others: string[]][] = [
    ["*", ["INBOX", "a", "a/b"], []],
    ["%", ["INBOX", "a"], ["a/b"]],
    ["a/%", ["a/b"], ["a", "a/b/c"]],
    ["a*", ["a", "ab", "a/b"], ["b"]],
    ["*b", ["b", "a/b"], ["a/bc"]],
    ["%/%", ["a/b"], ["a", "a/b/c"]],
    ["inbox", ["INBOX"], ["INBOX/x"]],
    ["inb%", ["INBOX"], ["inbound"].slice(1)],
    ["InBoX/%", ["INBOX/a"], ["INBOX"]],
    ["Work", ["Work"], ["work"]],
    ["", [], ["a"]],
  ];
  it.each(patterns)("%s", (pattern, matching, others) => {
    const one = new MailboxPattern(pattern);
    for (const name of matching) expect([name, one.matches(name)]).toEqual([name, true]);
    for (const name of others) expect([name, one.matches(name)]).toEqual([name, false]);
  });

  it("takes a pattern made to be slow", () => {
    const from = performance.now();
    expect(new MailboxPattern("*a".repeat(500)).matches("a".repeat(900))).toBe(true);
    expect(new MailboxPattern("%a*b".repeat(400)).matches(`${"ab".repeat(450)}c`)).toBe(false);
    expect(performance.now() - from).toBeLessThan(1000);
  });
});
