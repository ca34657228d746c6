import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Structure } from "./structure.ts";
import { parseStructure, parseStructureStream, StructureParser } from "./structure-parser.ts";

const crlf = (...lines: string[]): Buffer => Buffer.from(lines.join("\r\n"), "latin1");
const body = (source: Buffer, part: Structure): string =>
  source.toString("latin1", part.body.start, part.body.start + part.body.length);
const header = (source: Buffer, part: Structure): string =>
  source.toString("latin1", part.header.start, part.header.start + part.header.length);
const shape = (part: Structure): unknown =>
  part.message
    ? [`${part.type}/${part.subtype}`, shape(part.message)]
    : part.children.length > 0
      ? [`${part.type}/${part.subtype}`, ...part.children.map(shape)]
      : `${part.type}/${part.subtype}`;

const mixed = crlf(
  "From: a@example.org",
  'Content-Type: multipart/mixed; boundary="outer"',
  "",
  "preamble",
  "--outer",
  "",
  "one",
  "two",
  "--outer",
  "Content-Type: text/html; charset=utf-8",
  "Content-Transfer-Encoding: QUOTED-PRINTABLE (as usual)",
  "Content-ID: <id@example.org>",
  "Content-Description: a",
  "  folded one",
  "Content-Disposition: attachment; filename*0*=utf-8''a; filename*1=b",
  "Content-Language: en, de",
  "Content-Location: http://example.org/",
  "Content-MD5: Q2hlY2s=",
  "",
  "<p>",
  "",
  "--outer--",
  "epilogue",
  "",
);

describe("parseStructure", () => {
  it("finds header, body and lines of every part", () => {
    const part = parseStructure(mixed);
    expect(shape(part)).toEqual(["multipart/mixed", "text/plain", "text/html"]);
    const [first, second] = part.children as [Structure, Structure];
    expect(body(mixed, first)).toBe("one\r\ntwo");
    expect(first.lines).toBe(1);
    expect(header(mixed, first)).toBe("\r\n");
    expect(body(mixed, second)).toBe("<p>\r\n");
    expect(body(mixed, part)).toBe(mixed.toString("latin1", mixed.indexOf("preamble")));
    expect(second).toMatchObject({
      parameters: [["charset", "utf-8"]],
      encoding: "quoted-printable",
      id: "<id@example.org>",
      description: "a folded one",
      disposition: {
        type: "attachment",
        parameters: [
          ["filename*0*", "utf-8''a"],
          ["filename*1", "b"],
        ],
      },
      language: ["en", "de"],
      location: "http://example.org/",
      md5: "Q2hlY2s=",
    });
  });

  const shapes: [name: string, lines: string[], shape: unknown][] = [
    ["an empty message", [], "text/plain"],
    ["a message without header", ["", "text"], "text/plain"],
    ["a header without end", ["Content-Type: text/html"], "text/html"],
    ["a media type that is none", ["Content-Type: nonsense", "", ""], "text/plain"],
    ["comments and blanks", ["Content-Type: (a (b)) text / (c) html ; charset = x", "", ""], "text/html"],
    ["no boundary", ["Content-Type: multipart/mixed", "", "--x", "", "--x--"], "multipart/mixed"],
    ["a boundary that never comes", ["Content-Type: multipart/mixed; boundary=x", "", "text"], "multipart/mixed"],
    [
      "a multipart that is cut off",
      ["Content-Type: multipart/mixed; boundary=x", "", "--x", "", "a", "--x", "Content-Type: text/html"],
      ["multipart/mixed", "text/plain", "text/html"],
    ],
    [
      "an outer delimiter inside an inner multipart",
      [
        "Content-Type: multipart/mixed; boundary=x",
        "",
        "--x",
        "Content-Type: multipart/alternative; boundary=y",
      ].concat(["", "--y", "", "a", "--x", "", "b", "--x--"]),
      ["multipart/mixed", ["multipart/alternative", "text/plain"], "text/plain"],
    ],
    [
      "the same boundary inside itself",
      [
        "Content-Type: multipart/mixed; boundary=x",
        "",
        "--x",
        "Content-Type: multipart/mixed; boundary=x",
        "",
        "--x",
      ].concat(["", "a", "--x--", "--x--"]),
      ["multipart/mixed", ["multipart/mixed", "text/plain"]],
    ],
    [
      "a boundary that begins like the outer one",
      [
        "Content-Type: multipart/mixed; boundary=x",
        "",
        "--x",
        "Content-Type: multipart/mixed; boundary=xy",
        "",
        "--xy",
      ].concat(["", "a", "--xy--", "--x", "", "b", "--x--"]),
      ["multipart/mixed", ["multipart/mixed", "text/plain"], "text/plain"],
    ],
    [
      "a delimiter with blanks behind it",
      ["Content-Type: multipart/mixed; boundary=x", "", "--x \t", "", "a", "--x-- "],
      ["multipart/mixed", "text/plain"],
    ],
    [
      "a delimiter that cuts a header short",
      ["Content-Type: multipart/mixed; boundary=x", "", "--x", "Content-Type: text/html", "--x", "", "b", "--x--"],
      ["multipart/mixed", "text/html", "text/plain"],
    ],
    [
      "a delimiter after the closing one",
      ["Content-Type: multipart/mixed; boundary=x", "", "--x", "", "a", "--x--", "--x", "", "b"],
      ["multipart/mixed", "text/plain"],
    ],
    [
      "a digest",
      ["Content-Type: multipart/digest; boundary=x", "", "--x", "", "Subject: a", "", "b", "--x--"],
      ["multipart/digest", ["message/rfc822", "text/plain"]],
    ],
    [
      "a message in a message",
      ["Content-Type: message/rfc822", "", "Content-Type: message/global", "", "Content-Type: text/html", "", "x"],
      ["message/rfc822", ["message/global", "text/html"]],
    ],
    ["fields given twice", ["Content-Type: text/html", "Content-Type: image/png", "", ""], "text/html"],
  ];
  it.each(shapes)("takes %s", (_name, lines, expected) => {
    expect(shape(parseStructure(crlf(...lines)))).toEqual(expected);
    expect(shape(parseStructure(Buffer.from(lines.join("\n"), "latin1")))).toEqual(expected);
  });

  it("counts offsets with bare LF lines as they are", () => {
    const source = Buffer.from(mixed.toString("latin1").replaceAll("\r\n", "\n"), "latin1");
    const part = parseStructure(source);
    expect(body(source, part.children[0] as Structure)).toBe("one\ntwo");
    expect(body(source, part.children[1] as Structure)).toBe("<p>\n");
  });

  it("gives a part whose body begins with the delimiter no body", () => {
    const source = crlf("Content-Type: multipart/mixed; boundary=x", "", "--x", "", "--x--", "");
    expect(parseStructure(source).children[0]?.body.length).toBe(0);
  });

  it("leaves the line end of a close-delimiter with its multipart", () => {
    const source = crlf(
      "Content-Type: multipart/mixed; boundary=x",
      ...["", "--x", "Content-Type: multipart/mixed; boundary=y", "", "--y", "", "a", "--y--", "--x--", ""],
    );
    expect(body(source, parseStructure(source).children[0] as Structure)).toBe("--y\r\n\r\na\r\n--y--\r\n");
  });

  it("makes an opaque leaf of what is nested too deep", () => {
    const levels = 300;
    const lines: string[] = [];
    for (let i = 0; i < levels; i++) lines.push(`Content-Type: multipart/mixed; boundary=b${i}x`, "", `--b${i}x`);
    let part: Structure | undefined = parseStructure(crlf(...lines, "", "text"));
    let depth = 0;
    let last: Structure | undefined;
    for (; part; depth++) [last, part] = [part, part.children[0]];
    expect(depth).toBe(101);
    expect(last).toMatchObject({ type: "application", subtype: "octet-stream" });
  });

  it("bounds the number of parts and leaves the rest to the last one around", () => {
    const source = crlf("Content-Type: multipart/mixed; boundary=x", "", ...Array(50).fill("--x\r\n"), "--x--");
    const part = parseStructure(source, { maxParts: 10 });
    expect(part.children).toHaveLength(9);
    expect(part.body.start + part.body.length).toBe(source.length);
  });

  it("bounds what it keeps of headers", () => {
    const source = crlf(`Content-Type: text/plain; name=${"x".repeat(100_000)}`, "Content-ID: <a@b>", "", "text");
    const part = parseStructure(source, { maxHeaderBytes: 1000 });
    expect(JSON.stringify(part).length).toBeLessThan(3000);
    expect(body(source, part)).toBe("text");
  });

  it("takes hostile fields in linear time", () => {
    for (const value of [
      "(".repeat(500_000),
      "a/b;x= (".repeat(60_000),
      `a/b; x=${"\r".repeat(500_000)}`,
      ";=".repeat(250_000),
    ]) {
      const from = performance.now();
      parseStructure(Buffer.from(`Content-Type: ${value}\r\nContent-Language: ${value}\r\n\r\n`, "latin1"));
      expect(performance.now() - from).toBeLessThan(2000);
    }
  });
});

describe("StructureParser", () => {
  const corpus = new URL("./fixtures/", import.meta.url);
  const sources = readdirSync(corpus)
    .filter((name) => name.endsWith(".eml"))
    .map((name) => [name, readFileSync(new URL(name, corpus))] as const);

  it.each([["mixed", mixed] as const, ...sources])(
    "finds the same in %s in pieces of any size",
    async (_name, source) => {
      const whole = parseStructure(source);
      await fc.assert(
        fc.asyncProperty(fc.infiniteStream(fc.integer({ min: 1, max: 40 })), async (sizes) => {
          async function* pieces() {
            for (let at = 0; at < source.length; ) {
              const size = sizes.next().value;
              yield source.subarray(at, at + size);
              at += size;
            }
          }
          expect(await parseStructureStream(pieces())).toEqual(whole);
        }),
        { numRuns: 20 },
      );
    },
  );

  it("keeps every part inside its parent, whatever comes", () => {
    const piece = fc.constantFrom(
      "--x\r\n",
      "--xy\r\n",
      "--x--\r\n",
      "--xy--\n",
      "\r\n",
      "\n",
      "text",
      "Content-Type: multipart/mixed; boundary=x\r\n",
      "Content-Type: multipart/digest; boundary=xy\n",
      "Content-Type: message/rfc822\r\n",
      " folded\r\n",
      "\r",
      "a: b\r\n",
    );
    const inside = (part: Structure, start: number, end: number): void => {
      expect(part.header.start).toBeGreaterThanOrEqual(start);
      expect(part.body.start).toBe(part.header.start + part.header.length);
      expect(part.body.length).toBeGreaterThanOrEqual(0);
      const bodyEnd = part.body.start + part.body.length;
      expect(bodyEnd).toBeLessThanOrEqual(end);
      for (const child of part.children) inside(child, part.body.start, bodyEnd);
      if (part.message) inside(part.message, part.body.start, bodyEnd);
    };
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const source = Buffer.from(pieces.join(""), "latin1");
        const part = parseStructure(source);
        inside(part, 0, source.length);
        const bytewise = new StructureParser();
        for (const byte of source) bytewise.write(Buffer.of(byte));
        expect(bytewise.end()).toEqual(part);
      }),
      { numRuns: 500 },
    );
  });

  it("needs no memory for the content of a large message", () => {
    const parser = new StructureParser();
    parser.write(crlf("Content-Type: multipart/mixed; boundary=x", "", "--x", "", ""));
    const chunk = Buffer.alloc(65_536, "-");
    for (let i = 0; i < 1600; i++) parser.write(chunk); // one line of 100 MiB that looks like a delimiter all the way
    parser.write(crlf("", "--x--", ""));
    expect(parser.end().children[0]?.body.length).toBe(1600 * 65_536);
  });
});
