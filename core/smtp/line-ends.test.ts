import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineEnds } from "./line-ends.ts";

const normalise = (pieces: readonly string[]): string => {
  const ends = new LineEnds();
  return pieces.map((piece) => ends.normalise(Buffer.from(piece, "latin1")).toString("latin1")).join("");
};

describe("line ends", () => {
  it.each([
    ["a\nb\r\n", "a\r\nb\r\n"],
    ["a\rb\r\n", "a\r\nb\r\n"],
    ["\n\n", "\r\n\r\n"],
    ["\r\r\n", "\r\n\r\n"],
    ["a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"],
  ])("makes CRLF of the line ends of %j", (raw, expected) => {
    expect(normalise([raw])).toBe(expected);
    expect(normalise([...raw])).toBe(expected);
  });

  it("hands on a piece that is right without copying it", () => {
    const piece = Buffer.from("a\r\nb\r\n");
    expect(new LineEnds().normalise(piece)).toBe(piece);
  });

  it("leaves no bare line end, however the octets are cut", () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[\r\na]{0,5}$/)), (pieces) => {
        const out = normalise([...pieces, "."]);
        expect(out.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
        expect(out).toBe(`${pieces.join("")}.`.replace(/\r\n|\r|\n/g, "\r\n"));
      }),
    );
  });
});
