import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DotStuffing, LineLimit } from "./multi-line.ts";
import { errInWords, formatReply } from "./reply.ts";
import { english } from "./texts/english.ts";

/** The text in pieces cut at these places. */
function cut(text: string, places: readonly number[]): Buffer[] {
  const at = [...new Set([0, ...places.map((place) => place % (text.length + 1)), text.length])].sort((a, b) => a - b);
  return at.slice(1).map((end, index) => Buffer.from(text.slice(at[index], end)));
}

function stuffed(pieces: readonly Buffer[]): string {
  const stuffing = new DotStuffing();
  return Buffer.concat([...pieces.map((piece) => stuffing.take(piece)), stuffing.end()]).toString();
}

describe("a multi-line response", () => {
  it.each([
    ["", ".\r\n"],
    [".", "..\r\n.\r\n"],
    ["a\r\n.b\r\n..\r\n", "a\r\n..b\r\n...\r\n.\r\n"],
    ["no line end", "no line end\r\n.\r\n"],
  ])("of %j is %j", (text, expected) => expect(stuffed([Buffer.from(text)])).toBe(expected));

  it("is the same wherever the pieces are cut, and a client gets its text back", () => {
    const texts = fc
      .array(fc.constantFrom(".", "..", "a", "\r\n", "\r\n.", "\r\n\r\n"), { maxLength: 30 })
      .map((parts) => `${parts.join("")}\r\n`);
    fc.assert(
      fc.property(texts, fc.array(fc.nat(100), { maxLength: 8 }), (text, places) => {
        const sent = stuffed(cut(text, places));
        expect(sent).toBe(stuffed([Buffer.from(text)]));
        expect(sent.endsWith("\r\n.\r\n")).toBe(true);
        expect(sent.slice(0, -3).replace(/^\./gm, "")).toBe(text);
      }),
    );
  });
});

describe("TOP", () => {
  it.each([
    [0, "A: b\r\n\r\n"],
    [1, "A: b\r\n\r\none\r\n"],
    [9, "A: b\r\n\r\none\r\ntwo\r\n"],
  ])("with %i lines ends in time, wherever the pieces are cut", (lines, expected) => {
    const text = "A: b\r\n\r\none\r\ntwo\r\n";
    fc.assert(
      fc.property(fc.array(fc.nat(100), { maxLength: 6 }), (places) => {
        const limit = new LineLimit(lines);
        expect(Buffer.concat(cut(text, places).map((piece) => limit.take(piece))).toString()).toBe(expected);
      }),
    );
  });
});

it("keeps a reply on one line, whatever its text", () => {
  const said = (text: string) => formatReply(errInWords(text, "AUTH"), english);
  expect(said("a\r\n+OK b\u0000\u0085")).toBe("-ERR [AUTH] a??+OK b??\r\n");
  expect(said("x".repeat(1_000))).toHaveLength("-ERR [AUTH] ".length + 400 + 2);
});
