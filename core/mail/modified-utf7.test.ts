import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeModifiedUtf7, encodeModifiedUtf7 } from "./modified-utf7.ts";

describe("modified UTF-7", () => {
  const names: [name: string, octets: string][] = [
    ["INBOX", "INBOX"],
    ["Entwürfe", "Entw&APw-rfe"],
    ["a&b", "a&-b"],
    ["~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"],
    ["😀", "&2D3eAA-"],
    ["", ""],
  ];
  it.each(names)("%s is %s", (name, octets) => {
    expect(encodeModifiedUtf7(name)).toBe(octets);
    expect(decodeModifiedUtf7(octets)).toBe(name);
  });

  it.each(["&", "&abc", "&APw", "&AGE-", "&APw-&APw-", "ü", "a\tb", "&2D0-", "&A-", "&AP=-"])(
    "refuses %s",
    (octets) => {
      expect(decodeModifiedUtf7(octets)).toBeNull();
    },
  );

  it("is the same there and back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (name) => {
        fc.pre(!/[\0-\x1f\x7f]/.test(name));
        expect(decodeModifiedUtf7(encodeModifiedUtf7(name))).toBe(name);
      }),
    );
  });
});
