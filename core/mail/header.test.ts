import { describe, expect, it } from "vitest";
import {
  addressSpecs,
  buildField,
  createHeaders,
  fieldValue,
  formatField,
  headerEnd,
  parseHeader,
  safeText,
} from "./header.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");

describe("headerEnd", () => {
  it.each([
    ["A: b\r\n\r\nbody", 8],
    ["A: b\n\nbody", 6],
    ["\r\nbody", 2],
    ["A: b\r\nC: d\r\n", -1],
    ["A: b\r\n \r\nC: d\r\n\r\n", 17],
    ["", -1],
    ["\r\r\n\r\n", 5],
  ])("of %j is %i", (text, expected) => {
    expect(headerEnd(bytes(text))).toBe(expected);
  });
});

describe("parseHeader", () => {
  it("knows where each field stands and unfolds its value", () => {
    const block = bytes("Subject: one\r\n two\r\n\tthree\r\nX:\r\nfrom : a@b\r\n\r\nbody: no field\r\n");
    const fields = parseHeader(block);
    expect(fields.map((field) => [field.name, fieldValue(block, field)])).toEqual([
      ["Subject", "one two\tthree"],
      ["X", ""],
      ["from", "a@b"],
    ]);
    expect(fields.map((field) => block.toString("latin1", field.start, field.end))).toEqual([
      "Subject: one\r\n two\r\n\tthree\r\n",
      "X:\r\n",
      "from : a@b\r\n",
    ]);
  });

  it.each([
    "no field here\r\nA: b\r\n\r\n",
    "\u0001: x\r\nA: b",
    ": empty name\r\nA: b\r\n",
    " folded from nothing\r\nA: b\r\n",
  ])("passes over %j without losing the field behind it", (text) => {
    const block = bytes(text);
    expect(parseHeader(block).map((field) => [field.name, fieldValue(block, field)])).toEqual([["A", "b"]]);
  });

  it("reads UTF-8 where it is that, else Latin-1", () => {
    expect(createHeaders(Buffer.from("A: gr\u00fcn\r\n\r\n", "utf8")).get("a")).toBe("gr\u00fcn");
    expect(createHeaders(bytes("A: gr\u00fcn\r\n\r\n")).get("a")).toBe("gr\u00fcn");
  });

  it("works on a view into a larger buffer", () => {
    const whole = bytes("junk: x\r\nA: b\r\n\r\n");
    expect(createHeaders(whole.subarray(9)).get("A")).toBe("b");
    expect(createHeaders(new Uint8Array(whole).subarray(9)).get("A")).toBe("b");
  });
});

describe("createHeaders", () => {
  const headers = createHeaders(bytes("Received: 1\r\nX-A: y\r\nrecEIVED: 2\r\n\r\nReceived: 3\r\n"));
  it("answers without case, in order, and only from the header", () => {
    expect(headers.all("received")).toEqual(["1", "2"]);
    expect(headers.get("RECEIVED")).toBe("1");
    expect(headers.get("x-b")).toBeUndefined();
    expect(headers.all("constructor")).toEqual([]);
  });
});

describe("formatField", () => {
  it.each([
    ["a\r\nBcc: victim@example.org", "X: a Bcc: victim@example.org\r\n"],
    ["a\nb\rc\0d\u0085e", "X: a b c d e\r\n"],
    ["  padded  ", "X: padded\r\n"],
    ["v=1;\r\n b=abc", "X: v=1;\r\n b=abc\r\n"],
    ["a\r\n \r\n b", "X: a\r\n b\r\n"],
    ["", "X: \r\n"],
  ])("writes %j safely", (value, expected) => {
    expect(formatField("X", value)).toBe(expected);
  });

  it("folds at white space and unfolds to the same value", () => {
    const value = Array.from({ length: 40 }, (_, n) => `word${n}`).join(" ");
    const field = formatField("Subject", value);
    for (const line of field.split("\r\n")) expect(line.length).toBeLessThanOrEqual(78);
    expect(createHeaders(Buffer.from(`${field}\r\n`)).get("subject")).toBe(value);
  });

  it("never breaks a word, nor leaves the name alone on its line", () => {
    const word = "x".repeat(200);
    expect(formatField("A", word)).toBe(`A: ${word}\r\n`);
    expect(formatField("A", `${word} y`)).toBe(`A: ${word}\r\n y\r\n`);
  });

  it.each(["", "a b", "a:b", "a\r\nb", "\u00fc"])("refuses the name %j", (name) => {
    expect(() => buildField(name, "x")).toThrow(RangeError);
  });
});

it("safeText keeps everything but control characters", () => {
  expect(safeText("gr\u00fcn \u{1F600}\r\n\u001b[31mred")).toBe("gr\u00fcn \u{1F600} [31mred");
});

describe("addressSpecs", () => {
  it.each([
    ["a@example.org", ["a@example.org"]],
    ["A B <a@example.org>, c@example.org", ["a@example.org", "c@example.org"]],
    ['"x, y" <a@example.org>, (comment, b@c) d@example.org', ["a@example.org", "d@example.org"]],
    ["group: a@example.org, b@example.org;", ["a@example.org", "b@example.org"]],
    ['"odd \\" <no@no>" <a@example.org>', ["a@example.org"]],
    ["<@relay.example.org:a@example.org>", ["a@example.org"]],
    ['"a b"@example.org', ['"a b"@example.org']],
    ["undisclosed-recipients:;", []],
    ["nobody", []],
    ["(((((", []],
  ])("of %j", (value, expected) => {
    expect(addressSpecs(value)).toEqual(expected);
  });
});
