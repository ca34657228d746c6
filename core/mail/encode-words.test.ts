import fc from "fast-check";
import { expect, it } from "vitest";
import { encodeWords } from "./encode-words.ts";
import { decodeEncodedWords } from "./structure/encoded-word.ts";

it("leaves ASCII alone", () => {
  expect(encodeWords("Your message is delayed")).toBe("Your message is delayed");
});

it("is ASCII in short words, and reads back as it was", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 }), (text) => {
      fc.pre(/[^\u0020-\u007E]/.test(text) && !/[\uD800-\uDFFF]/u.test(text));
      const encoded = encodeWords(text);
      expect(encoded).toMatch(/^[\u0020-\u007E]*$/);
      for (const word of encoded.split(" ")) expect(word.length).toBeLessThanOrEqual(75);
      expect(decodeEncodedWords(encoded)).toBe(text);
    }),
  );
});
