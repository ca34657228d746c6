import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChunkScanner } from "./chunk-scanner.ts";
import { DotScanner } from "./dot-scanner.ts";

interface How {
  /** Where chunks end, as BDAT has it. */
  readonly chunks?: readonly number[];
  /** Where reads end, as the network has it. */
  readonly reads?: readonly number[];
  readonly isBinary?: boolean;
}

const cut = (text: string, at: readonly number[]): string[] => {
  const ends = [...new Set(at.filter((end) => end > 0 && end < text.length))].sort((one, other) => one - other);
  return [...ends, text.length].map((end, index) => text.slice(ends[index - 1] ?? 0, end));
};

function scan(text: string, { chunks = [], reads = [], isBinary = false }: How = {}) {
  const pieces: string[] = [];
  const scanner = new ChunkScanner((piece) => pieces.push(piece.toString("latin1")), isBinary);
  for (const chunk of cut(text, chunks)) {
    scanner.begin(chunk.length);
    const parts = cut(chunk, reads);
    for (const [index, part] of parts.entries()) {
      // What follows a chunk in the same read is not its own.
      const isLast = index === parts.length - 1;
      const end = scanner.scan(Buffer.from(`>>${part}${isLast ? "\n\0\r" : ""}`, "latin1"), 2);
      expect(end).toBe(isLast ? part.length + 2 : -1);
    }
  }
  scanner.finish();
  const { bareLineEnds, hasNul, longestLineBytes, headerBytes, headerFields } = scanner;
  return {
    content: pieces.join(""),
    isText: scanner.isText,
    seen: { bareLineEnds, hasNul, longestLineBytes, headerBytes, headerFields },
  };
}

const octets = fc
  .array(fc.constantFrom("\r\n", "\r", "\n", ".", "a", "A: b", " ", "\r\n\r\n", "\r\n.\r\n", "\0"), { maxLength: 40 })
  .map((parts) => parts.join(""));

describe("chunk scanner", () => {
  it("hands on what stands in the chunks, wherever they and the reads end", () => {
    fc.assert(
      fc.property(octets, fc.array(fc.nat(80)), fc.array(fc.nat(80)), fc.boolean(), (text, chunks, reads, isBinary) => {
        const scanned = scan(text, { chunks, reads, isBinary });
        expect(scanned.content).toBe(text);
        const whole = scan(text, { isBinary });
        expect(scanned.seen).toEqual(whole.seen);
        expect(scanned.isText).toBe(whole.isText);
      }),
      { numRuns: 1000 },
    );
  });

  it("sees the same as the dot scanner in the same content", () => {
    fc.assert(
      fc.property(octets, (text) => {
        const content = `${text}\r\n`;
        let stuffed = content.replaceAll("\r\n.", "\r\n..");
        if (stuffed.startsWith(".")) stuffed = `.${stuffed}`;
        const dots = new DotScanner(() => undefined);
        expect(dots.scan(Buffer.from(`${stuffed}.\r\n`, "latin1"), 0)).toBe(stuffed.length + 3);
        const { bareLineEnds, hasNul, headerFields } = dots;
        expect(scan(content).seen).toMatchObject({ bareLineEnds, hasNul, headerFields });
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ["LF alone", "a\nb\r\n", 1],
    ["CR alone", "a\rb\r\n", 1],
    ["CR before CRLF", "a\r\r\n", 1],
    ["CR at the very end", "a\r\n\r", 1],
    ["LF at the very start", "\na", 1],
    ["nothing wrong without an end", "a\r\nb", 0],
    ["dots that smuggle", "a\n.\nb\r\n", 2],
  ])("counts %s", (_, text, count) => {
    expect(scan(text).seen.bareLineEnds).toBe(count);
    const everywhere = [...text].map((_, index) => index);
    expect(scan(text, { chunks: everywhere }).seen.bareLineEnds).toBe(count);
  });

  it("looks at nothing but the header of binary content", () => {
    const binary = "A: b\r\nC: d\r\n\r\n\n.\r\0\n";
    expect(scan(binary, { isBinary: true }).seen).toMatchObject({ bareLineEnds: 0, hasNul: false, headerFields: 2 });
    expect(scan(binary).seen).toMatchObject({ bareLineEnds: 3, hasNul: true });
    expect(scan("A: \0b\nC: d\r\n\r\n", { isBinary: true }).seen).toMatchObject({ bareLineEnds: 1, hasNul: true });
  });

  it.each([
    ["text", "A: b\r\n\r\ntext\r\n", true],
    ["text without a last line end", "A: b\r\n\r\ntext", true],
    ["a header alone", "A: b\r\n", true],
    ["a NUL", "A: b\r\n\r\n\0\r\n", false],
    ["a bare LF", "A: b\r\n\r\na\nb\r\n", false],
    ["a CR at the very end", "A: b\r\n\r\na\r", false],
    ["a line of 1,000 octets", `A: b\r\n\r\n${"x".repeat(998)}\r\n`, true],
    ["a line of 1,001 octets", `A: b\r\n\r\n${"x".repeat(999)}\r\n`, false],
  ])("knows of %s whether it needed BINARYMIME", (_, text, isText) => {
    expect(scan(text, { isBinary: true }).isText).toBe(isText);
    expect(scan(text, { isBinary: true, chunks: [...text].map((_, index) => index) }).isText).toBe(isText);
  });
});
