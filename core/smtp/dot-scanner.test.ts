import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DotScanner } from "./dot-scanner.ts";

interface Scanned {
  readonly content: string;
  /** What follows the message; `null` if it has not ended. */
  readonly rest: string | null;
  readonly scanner: DotScanner;
}

/** Scans the text cut at the given places. */
function scan(text: string, cuts: readonly number[] = []): Scanned {
  const pieces: string[] = [];
  const scanner = new DotScanner((piece) => pieces.push(piece.toString("latin1")));
  const ends = [...new Set(cuts.filter((cut) => cut > 0 && cut < text.length))].sort((one, other) => one - other);
  let from = 0;
  for (const to of [...ends, text.length]) {
    const chunk = Buffer.from(text.slice(from, to), "latin1");
    const end = scanner.scan(chunk, 0);
    if (end >= 0) return { content: pieces.join(""), rest: text.slice(from + end), scanner };
    from = to;
  }
  return { content: pieces.join(""), rest: null, scanner };
}

const everywhere = (text: string): readonly number[] => [...text].map((_, index) => index);

/** RFC 5321 4.5.2 word by word, line by line. */
function reference(text: string): { content: string; rest: string | null } {
  let content = "";
  let at = 0;
  for (;;) {
    if (text.startsWith(".\r\n", at)) return { content, rest: text.slice(at + 3) };
    if (text[at] === ".") at++;
    const end = text.indexOf("\r\n", at);
    if (end < 0) return { content: content + text.slice(at), rest: null };
    content += text.slice(at, end + 2);
    at = end + 2;
  }
}

describe("dot scanner", () => {
  const cases: readonly [name: string, wire: string, content: string, rest: string | null][] = [
    ["ends an empty message", ".\r\nQUIT\r\n", "", "QUIT\r\n"],
    ["ends at a lone dot", "a\r\n.\r\nMAIL", "a\r\n", "MAIL"],
    ["takes a stuffed dot away", "..a\r\n...\r\n.\r\n", ".a\r\n..\r\n", ""],
    ["keeps dots inside lines", "a.b\r\n.\r\n", "a.b\r\n", ""],
    ["takes a dot away that was not stuffed", ".a\r\n.\r\n", "a\r\n", ""],
    ["goes on behind LF dot LF", "a\n.\nb\r\n.\r\n", "a\n.\nb\r\n", ""],
    ["goes on behind CRLF dot LF", "a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n", ""],
    ["goes on behind LF dot CRLF", "a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n", ""],
    ["goes on behind CR dot CR", "a\r.\rb\r\n.\r\n", "a\r.\rb\r\n", ""],
    ["goes on behind CRLF dot CR", "a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n", ""],
    ["goes on behind CR CR LF dot", "a\r\r\n.\r\n", "a\r\r\n", ""],
    ["ends behind an empty line", "\r\n\r\n.\r\n", "\r\n\r\n", ""],
    ["waits for the end", "a\r\n.", "a\r\n", null],
  ];
  it.each(cases)("%s, in one piece and octet by octet", (_, wire, content, rest) => {
    for (const cuts of [[], everywhere(wire)]) {
      const scanned = scan(wire, cuts);
      expect(scanned.rest).toBe(rest);
      expect(scanned.content).toBe(content);
    }
  });

  it("agrees with the RFC's words for whatever octets in whatever chunks", () => {
    const octets = fc.array(fc.constantFrom("\r\n", "\r", "\n", ".", "a", " ", "\r\n.", "\r\n.\r\n", "\0"), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(octets, fc.array(fc.nat(120), { maxLength: 20 }), (parts, cuts) => {
        const text = parts.join("");
        const expected = reference(text);
        const scanned = scan(text, cuts);
        expect(scanned.rest).toBe(expected.rest);
        // Of a message that has not ended, the last octets may still wait.
        if (expected.rest !== null) expect(scanned.content).toBe(expected.content);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ["LF alone", "a\nb\r\n.\r\n"],
    ["CR alone", "a\rb\r\n.\r\n"],
    ["CR before CRLF", "a\r\r\n.\r\n"],
    ["CR behind a dot", "\r\n.\ra\r\n.\r\n"],
    ["LF behind a dot", "\r\n.\na\r\n.\r\n"],
    ["LF in the header", "A: b\nC: d\r\n\r\n.\r\n"],
    ["LF at the very start", "\na\r\n.\r\n"],
  ])("counts %s, however it is cut", (_, wire) => {
    expect(scan(wire).scanner.bareLineEnds).toBeGreaterThan(0);
    expect(scan(wire, everywhere(wire)).scanner.bareLineEnds).toBe(scan(wire).scanner.bareLineEnds);
  });

  it("finds nothing to count in a proper message, however it is cut", () => {
    const wire = `A: b\r\n c\r\nD: e\r\n\r\n${"line\r\n..dot\r\n".repeat(50)}.\r\n`;
    for (const cuts of [[], everywhere(wire), [3, 17, 18, 19, 101]]) {
      const { scanner } = scan(wire, cuts);
      expect(scanner.bareLineEnds).toBe(0);
      expect(scanner.hasNul).toBe(false);
      expect(scanner.headerFields).toBe(2);
      expect(scanner.headerBytes).toBe("A: b\r\n c\r\nD: e\r\n\r\n".length);
      expect(scanner.longestLineBytes).toBe(7);
    }
  });

  it("sees a NUL", () => {
    expect(scan("a\r\n\r\nb\0c\r\n.\r\n").scanner.hasNul).toBe(true);
  });

  it("does not take a NUL behind the end for one of the message", () => {
    expect(scan("a\r\n.\r\n\0").scanner.hasNul).toBe(false);
  });
});
