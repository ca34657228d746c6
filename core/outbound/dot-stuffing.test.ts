import fc from "fast-check";
import { expect, it } from "vitest";
import { DotStuffing } from "./dot-stuffing.ts";

function stuffed(...chunks: readonly string[]): string {
  const stuffing = new DotStuffing();
  const pieces = chunks.flatMap((chunk) => stuffing.stuff(Buffer.from(chunk, "latin1")));
  return Buffer.concat([...pieces, Buffer.from(stuffing.end())]).toString("latin1");
}

it.each([
  ["", ".\r\n"],
  ["a\r\n", "a\r\n.\r\n"],
  ["a", "a\r\n.\r\n"],
  ["a\r", "a\r\n.\r\n"],
  [".", "..\r\n.\r\n"],
  [".\r\n", "..\r\n.\r\n"],
  ["a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"],
  ["a\n.\nb\n", "a\r\n..\r\nb\r\n.\r\n"],
  ["a\n\n.b", "a\r\n\r\n..b\r\n.\r\n"],
  ["\n", "\r\n.\r\n"],
  ["a.b\r\n..c\r\n", "a.b\r\n...c\r\n.\r\n"],
  ["a\r.\r\n", "a\r.\r\n.\r\n"],
])("%j goes as %j", (content, wire) => {
  expect(stuffed(content)).toBe(wire);
  expect(stuffed(...content)).toBe(wire);
});

it("never lets content end the content, and gives it back whole, wherever the chunks end", () => {
  const text = fc.string({ unit: fc.constantFrom("\r", "\n", ".", "a"), maxLength: 40 });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 6 }), (chunks) => {
      const wire = stuffed(...chunks);
      const whole = chunks.join("");
      expect(wire).toBe(stuffed(whole));
      expect(wire.indexOf("\r\n.\r\n") < 0 ? wire === ".\r\n" : wire.indexOf("\r\n.\r\n") === wire.length - 5).toBe(
        true,
      );
      // RFC 5321 2.3.8: no LF without its CR
      expect(/(^|[^\r])\n/.test(wire)).toBe(false);
      const lines = wire.slice(0, -3).replaceAll(/(^|\r\n)\./g, "$1");
      const normal = whole.replaceAll(/\r?\n/g, "\r\n");
      expect([normal, `${normal}\r\n`, `${normal}\n`]).toContain(lines);
    }),
  );
});
