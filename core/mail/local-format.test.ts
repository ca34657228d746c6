import fc from "fast-check";
import { expect, it } from "vitest";
import { inLocalFormat, type LocalFormat } from "./local-format.ts";

async function written(text: string, format: Partial<LocalFormat>, step = 1000): Promise<string> {
  const octets = Buffer.from(text, "latin1");
  const source = async function* () {
    for (let at = 0; at < octets.length; at += step) yield octets.subarray(at, at + step);
  };
  const pieces: Uint8Array[] = [];
  const whole = { lineEnd: "lf", quotesFrom: false, without: [], ...format } as const;
  for await (const piece of inLocalFormat(source(), whole)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString("latin1");
}

it.each<[string, string, Partial<LocalFormat>, string]>([
  ["line ends become LF", "A: b\r\n\r\nx\r\n\r\ny\r\n", {}, "A: b\n\nx\n\ny\n"],
  ["or CRLF, whatever they were", "A: b\n\r\nx\n", { lineEnd: "crlf" }, "A: b\r\n\r\nx\r\n"],
  ["a CR alone is none", "A: b\r\n\r\nx\ry\r\r\nz\r", {}, "A: b\n\nx\ry\r\nz\r"],
  [
    "fields are left out with what they are folded into",
    "Return-Path: <a>\r\nA: b\r\nreturn-path :\r\n <c>\r\n\t<d>\r\nReturn-Path-X: e\r\n\r\nReturn-Path: f\r\n",
    { without: ["return-path"] },
    "A: b\nReturn-Path-X: e\n\nReturn-Path: f\n",
  ],
  ["a last field that is left out", "Return-Path: <a>\r\n\r\nx", { without: ["return-path"] }, "\nx"],
  [
    "From at the beginning of a line is quoted, in the body only",
    "From : x\r\n\r\nFrom a\r\n>From b\r\n>>From c\r\nFromage\r\n From\r\nFrom",
    { quotesFrom: true },
    "From : x\n\n>From a\n>>From b\n>>>From c\nFromage\n From\nFrom",
  ],
  ["an empty message", "", {}, ""],
])("%s", async (_, text, format, expected) => {
  for (const step of [1, 2, 3, 1000]) expect(await written(text, format, step)).toBe(expected);
});

it("gives the same for any pieces", async () => {
  const text = fc.array(fc.constantFrom("From ", ">", "\r", "\n", "\r\n", "Return-Path:", " x", ":", "a"), {
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), fc.boolean(), async (words, step, quotesFrom) => {
      const format: LocalFormat = { lineEnd: quotesFrom ? "lf" : "crlf", quotesFrom, without: ["return-path"] };
      expect(await written(words.join(""), format, step)).toBe(await written(words.join(""), format));
    }),
  );
});
