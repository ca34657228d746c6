import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ContentScanner, type Item } from "./content-scanner.ts";

const limits = { fieldBytes: 1_000, partBytes: 100, totalBytes: 100_000 };

function scan(text: string, chunkBytes = 1_000_000, more: Partial<typeof limits> = {}): readonly Item[] {
  const bytes = Buffer.from(text.replaceAll("\n", "\r\n"));
  const scanner = new ContentScanner({ ...limits, ...more }, true);
  const items: Item[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes)
    items.push(...scanner.push(bytes.subarray(at, at + chunkBytes)));
  items.push(...scanner.end());
  return items;
}

const seen = (items: readonly Item[]) => items.map(({ place, text }) => `${place}: ${text}`);

const mime = `Subject: a
 folded
\ttwice
MIME-Version: 1.0
Content-Type: multipart/mixed;
 boundary="b"

preamble
--b
Content-Type: text/plain
X-Odd: in a part

text
--b
Content-Type: message/rfc822

Subject: inner
Content-Type: multipart/alternative; boundary=c

--c

no header
--c--
epilogue of c
--b
Content-Type: message/rfc822
Content-Transfer-Encoding: base64

U3ViamVjdDogeA==
--b--
epilogue
`;

describe("what is looked at", () => {
  const expected = [
    "header: Subject: a\n folded\n\ttwice",
    "mimeHeader: MIME-Version: 1.0",
    'mimeHeader: Content-Type: multipart/mixed;\n boundary="b"',
    "body: preamble",
    "body: --b",
    "mimeHeader: Content-Type: text/plain",
    "mimeHeader: X-Odd: in a part",
    "body: text",
    "body: --b",
    "mimeHeader: Content-Type: message/rfc822",
    "nestedHeader: Subject: inner",
    "mimeHeader: Content-Type: multipart/alternative; boundary=c",
    "body: --c",
    "body: no header",
    "body: --c--",
    "body: epilogue of c",
    "body: --b",
    "mimeHeader: Content-Type: message/rfc822",
    "mimeHeader: Content-Transfer-Encoding: base64",
    "body: U3ViamVjdDogeA==",
    "body: --b--",
    "body: epilogue",
  ];

  it.each([1_000_000, 64, 7, 1])("is the same in chunks of %d octets", (chunkBytes) => {
    expect(seen(scan(mime, chunkBytes))).toEqual(expected);
  });

  it("has its octets where it says", () => {
    const bytes = Buffer.from(mime.replaceAll("\n", "\r\n"));
    const body = bytes.subarray(bytes.indexOf("\r\n\r\n") + 4);
    for (const { index, text, start, textEnd, end } of scan(mime)) {
      const source = index === null ? body : bytes;
      expect(
        source
          .subarray(start, index === null ? textEnd : end)
          .toString()
          .trimEnd(),
      ).toBe(text.replaceAll("\n", "\r\n"));
      if (index === null) expect(source.subarray(textEnd, end).toString()).toBe("\r\n");
    }
  });

  it("numbers the fields of the message, and only those", () => {
    expect(
      scan(mime)
        .map(({ index }) => index)
        .slice(0, 4),
    ).toEqual([0, 1, 2, null]);
  });

  it("ends at the bounds: of a field, of a part, of the whole, of a line", () => {
    expect(scan(`X: ${"a".repeat(50)}\n\n`, 7, { fieldBytes: 10 })[0]?.text).toBe("X: aaaaaaa");
    const lines = "12345678\n".repeat(30);
    expect(scan(`A: b\n\n${lines}`, 7).filter(({ place }) => place === "body")).toHaveLength(10);
    expect(scan(`A: b\n\n${lines}`, 7, { partBytes: 1_000, totalBytes: 55 }).slice(1)).toHaveLength(6);
    const long = scan(`A: b\n\n${"x".repeat(5_000)}\nend\n`, 11, { partBytes: 10_000 }).slice(1);
    expect(long.map(({ text }) => text.length)).toEqual([2048, 2048, 904, 3]);
  });

  it("takes what is no field in a part for body, and a message without a body for what it is", () => {
    expect(seen(scan("Content-Type: multipart/x; boundary=b\n\n--b\nno field\n\nmore\n")).slice(2)).toEqual([
      "body: no field",
      "body: ",
      "body: more",
    ]);
    expect(seen(scan("A: b\nC: d"))).toEqual(["header: A: b", "header: C: d"]);
    expect(seen(scan("\nA: b\n"))).toEqual(["body: A: b"]);
  });

  it("never throws, loses nothing and stands in order, whatever comes", () => {
    const words = fc.constantFrom(
      "--b",
      "--b--",
      "\r\n",
      "\n",
      "\r",
      "Content-Type: multipart/mixed; boundary=b",
      "message/rfc822",
      "X:",
      " y",
      "\u00ff",
      "",
      ":",
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 60 }), fc.integer({ min: 1, max: 40 }), (parts, size) => {
        const bytes = Buffer.from(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${parts.join("")}`);
        const scanner = new ContentScanner({ fieldBytes: 20, partBytes: 1_000, totalBytes: 10_000 }, true);
        let last = 0;
        const check = (items: Iterable<Item>) => {
          for (const { index, start, textEnd, end } of items) {
            if (index !== null) continue;
            expect(start).toBeGreaterThanOrEqual(last);
            expect(textEnd).toBeGreaterThanOrEqual(start);
            expect(end).toBeGreaterThanOrEqual(textEnd);
            last = end;
          }
        };
        for (let at = 0; at < bytes.length; at += size) check(scanner.push(bytes.subarray(at, at + size)));
        check(scanner.end());
        expect(last).toBeLessThanOrEqual(bytes.length - scanner.headerBytes);
      }),
    );
  });
});
