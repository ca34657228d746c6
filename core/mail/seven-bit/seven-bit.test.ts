import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Structure } from "../structure/structure.ts";
import { parseStructure } from "../structure/structure-parser.ts";
import { decodeTransferEncoding } from "../structure/transfer-encoding.ts";
import { type SevenBit, sevenBit } from "./seven-bit.ts";

/** In pieces of `step` octets. */
const sourceOf = (bytes: Uint8Array, step = 7) => ({
  sizeBytes: bytes.length,
  async *content() {
    for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
  },
});

async function octetsOf(result: SevenBit): Promise<Buffer> {
  if (result.at === "impossible") throw new Error(result.reason);
  const pieces: Buffer[] = [];
  for await (const piece of result.content()) pieces.push(piece);
  const octets = Buffer.concat(pieces);
  expect(octets.length).toBe(result.sizeBytes);
  return octets;
}

const crlf = (text: string): Buffer => Buffer.from(text.replaceAll("\n", "\r\n"));
const convert = async (text: string) => {
  const result = await sevenBit(sourceOf(crlf(text)));
  return result.at === "impossible" ? result : { at: result.at, text: (await octetsOf(result)).toString("latin1") };
};

/** What a reader finds in each body, with its type. */
function leavesOf(
  message: Buffer,
  structure: Structure = parseStructure(message),
): readonly (readonly [string, string])[] {
  const inside = structure.message ? [structure.message] : structure.children;
  if (inside.length > 0) return inside.flatMap((child) => leavesOf(message, child));
  const { start, length } = structure.body;
  const octets = decodeTransferEncoding(message.subarray(start, start + length), structure.encoding);
  return [[`${structure.type}/${structure.subtype}`, Buffer.from(octets).toString("latin1")]];
}

const longest = (octets: Buffer): number =>
  Math.max(
    ...octets
      .toString("latin1")
      .split("\r\n")
      .map((line) => line.length),
  );

describe("what is left as it is", () => {
  it.each([
    ["plain ASCII", "Subject: x\n\nhello\n"],
    ["8bit that is none", "MIME-Version: 1.0\nContent-Transfer-Encoding: 8bit\n\nhello\n"],
    ["a signed message of ASCII", "DKIM-Signature: x\n\nhello\n"],
    ["a long line that is signed", `DKIM-Signature: x\n\n${"a".repeat(1200)}\n`],
    ["a long line in what is encoded already", `Content-Transfer-Encoding: base64\n\n${"YWFh".repeat(400)}\n`],
    ["an empty message", ""],
  ])("%s", async (_, text) => {
    expect(await convert(text)).toEqual({ at: "unchanged", text: crlf(text).toString("latin1") });
  });
});

describe("what becomes of text", () => {
  it("mostly ASCII becomes quoted-printable, and the header says so", async () => {
    const text =
      "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\nX: y\n\nCaf\u00e9 = 1 and more words \n";
    expect(await convert(text)).toEqual({
      at: "converted",
      text: crlf(
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nX: y\nContent-Transfer-Encoding: quoted-printable\n\nCaf=C3=A9 =3D 1 and more words=20\n",
      ).toString("latin1"),
    });
  });

  it("mostly other letters becomes base64", async () => {
    const result = await convert(
      "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n\u65e5\u672c\u8a9e\u65e5\u672c\u8a9e\n",
    );
    expect(result).toMatchObject({
      at: "converted",
      text: expect.stringContaining("Content-Transfer-Encoding: base64\r\n"),
    });
  });

  it("mail without MIME gets it (RFC 1428)", async () => {
    expect(await convert("Subject: x\n\n\u00e9, and enough letters\n")).toEqual({
      at: "converted",
      text: crlf(
        "Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\nContent-Transfer-Encoding: quoted-printable\n\n=C3=A9, and enough letters\n",
      ).toString("latin1"),
    });
  });

  it("lines that are too long are broken", async () => {
    const message = crlf(`MIME-Version: 1.0\nSubject: x\n\n${"word ".repeat(300)}\n`);
    const octets = await octetsOf(await sevenBit(sourceOf(message)));
    expect(longest(octets)).toBeLessThanOrEqual(76);
    expect(leavesOf(octets)).toEqual(leavesOf(message));
  });

  it("a break never makes a line that looks like a boundary", async () => {
    const message = crlf(
      `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: 8bit\n\n${[
        ...Array(80).keys(),
      ]
        .map((n) => `\u00e9${"x".repeat(n)}--b--b--b--b--b--b--b--b--b`)
        .join("\n")}\n--b--\n`,
    );
    const octets = await octetsOf(await sevenBit(sourceOf(message)));
    expect(leavesOf(octets)).toEqual(leavesOf(message));
  });
});

describe("parts", () => {
  const nested = [
    "MIME-Version: 1.0",
    "Content-Type: multipart/mixed; boundary=out",
    "Content-Transfer-Encoding: 8bit",
    "",
    "preamble",
    "--out",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
    "",
    "caf\u00e9, and more letters",
    "--out",
    "Content-Type: message/rfc822",
    "Content-Transfer-Encoding: 8bit",
    "",
    "Subject: inside",
    "MIME-Version: 1.0",
    "Content-Type: multipart/alternative; boundary=in",
    "",
    "--in",
    "",
    "plain",
    "--in",
    "Content-Type: application/octet-stream",
    "Content-Transfer-Encoding: binary",
    "",
    "\u00ff\u0000\u00fe",
    "--in--",
    "--out--",
    "",
  ].join("\n");

  it("are converted where it is needed, composite ones inside only", async () => {
    const message = crlf(nested);
    const octets = await octetsOf(await sevenBit(sourceOf(message)));
    expect(octets.every((octet) => octet < 128 && octet !== 0)).toBe(true);
    expect(leavesOf(octets)).toEqual(leavesOf(message));
    const top = parseStructure(octets);
    expect([top.encoding, ...top.children.map(({ encoding }) => encoding)]).toEqual([
      "7bit",
      "quoted-printable",
      "7bit",
    ]);
    expect(top.children[1]?.message?.children.map(({ encoding }) => encoding)).toEqual(["7bit", "base64"]);
  });

  it("message/global is encoded as a whole (RFC 6532 3.7)", async () => {
    const message = crlf(
      "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/global\n\nSubject: \u00fc\n\nx\n--b--\n",
    );
    const octets = await octetsOf(await sevenBit(sourceOf(message)));
    const { start, length } = parseStructure(octets).children[0]?.body ?? { start: 0, length: 0 };
    expect(Buffer.from(octets.subarray(start, start + length).toString(), "base64").toString()).toBe(
      "Subject: \u00fc\r\n\r\nx",
    );
  });

  it("a signature further in keeps only that part from being changed", async () => {
    const message = (inside: string) =>
      `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n\u00e9 outside of it\n--b\nContent-Type: message/rfc822\n\nDKIM-Signature: x\n\n${inside}\n--b--\n`;
    expect(await convert(message("ascii"))).toMatchObject({ at: "converted" });
    expect(await convert(message("\u00e9"))).toMatchObject({ at: "impossible" });
  });
});

describe("what cannot be converted", () => {
  const eight = "\u00e9 and so on";
  it.each([
    ["DKIM", `DKIM-Signature: x\n\n${eight}\n`, /signed/],
    ["ARC", `ARC-Seal: x\n\n${eight}\n`, /signed/],
    [
      "multipart/signed",
      `MIME-Version: 1.0\nContent-Type: multipart/signed; boundary=b\n\n--b\n\n${eight}\n--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n`,
      /signed/,
    ],
    [
      "S/MIME",
      `MIME-Version: 1.0\nContent-Type: application/pkcs7-mime\nContent-Transfer-Encoding: binary\n\n${eight}\n`,
      /S\/MIME/,
    ],
    ["a header beyond ASCII", `Subject: \u00e9\n\n${eight}\n`, /header/],
    [
      "a part's header beyond ASCII",
      "Content-Type: multipart/mixed; boundary=b\n\n--b\nX: \u00e9\n\nx\n--b--\n",
      /header/,
    ],
    ["quoted-printable that is none", `Content-Transfer-Encoding: quoted-printable\n\n${eight}\n`, /not encoded/],
    ["an encoding nobody knows", `Content-Transfer-Encoding: x-uuencode\n\n${eight}\n`, /not encoded/],
    ["a multipart without boundary", `Content-Type: multipart/mixed\n\n${eight}\n`, /taken apart/],
    ["a preamble", `Content-Type: multipart/mixed; boundary=b\n\n${eight}\n--b\n\nx\n--b--\n`, /outside/],
    ["an epilogue", `Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n${eight}\n`, /outside/],
    ["message/partial", `Content-Type: message/partial; id=1\n\n${eight}\n`, /message\/partial/],
    [
      "an encoded multipart",
      `Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\n${eight}\n--b--\n`,
      /composite/,
    ],
    ["parts that are too deep", deep(120), /taken apart|message/],
    ["headers without end", `Content-Type: text/plain;\n${" x=y;\n".repeat(200_000)}\n${eight}\n`, /too large/],
  ])("%s", async (_, text, reason) => {
    const result = await convert(text);
    expect(result).toEqual({ at: "impossible", reason: expect.stringMatching(reason) });
  });

  function deep(levels: number): string {
    const open = [...Array(levels).keys()].map((n) => `Content-Type: multipart/mixed; boundary=b${n}.\n\n--b${n}.\n`);
    return `MIME-Version: 1.0\n${open.join("")}\n\u00e9\n`;
  }
});

describe("whatever the octets are", () => {
  const encoding = fc.constantFrom("8bit", "binary", "7bit");
  const type = fc.constantFrom("text/plain", "text/html", "application/octet-stream", "image/png");
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc
      .array(fc.constantFrom(..."a=. \t-\r\n\u00e9".split("").map((c) => c.charCodeAt(0))), { maxLength: 400 })
      .map((list) => Uint8Array.from(list)),
  );
  const leaf = fc
    .tuple(type, encoding, octets)
    .map(([t, e, o]) =>
      Buffer.concat([Buffer.from(`Content-Type: ${t}\r\nContent-Transfer-Encoding: ${e}\r\n\r\n`), o]),
    );
  const { tree } = fc.letrec<{ tree: Buffer; multipart: Buffer; message: Buffer }>((tie) => ({
    tree: fc.oneof({ depthSize: "small", withCrossShrink: true }, leaf, tie("multipart"), tie("message")),
    multipart: fc
      .tuple(fc.integer({ min: 0, max: 1e9 }), fc.array(tie("tree"), { minLength: 1, maxLength: 4 }))
      .map(([n, parts]) =>
        Buffer.concat([
          Buffer.from(`Content-Type: multipart/mixed; boundary="=_${n}"\r\n\r\n`),
          ...parts.flatMap((part) => [Buffer.from(`--=_${n}\r\n`), part, Buffer.from("\r\n")]),
          Buffer.from(`--=_${n}--\r\n`),
        ]),
      ),
    message: tie("tree").map((inside) => Buffer.concat([Buffer.from("Content-Type: message/rfc822\r\n\r\n"), inside])),
  }));

  it("decode(convert(m)) is decode(m), in 7bit lines, the same for any pieces", async () => {
    await fc.assert(
      fc.asyncProperty(tree, fc.integer({ min: 1, max: 90 }), async (body, step) => {
        const message = Buffer.concat([Buffer.from("MIME-Version: 1.0\r\n"), body]);
        const result = await sevenBit(sourceOf(message, step));
        if (result.at === "impossible") return;
        const converted = await octetsOf(result);
        expect(leavesOf(converted)).toEqual(leavesOf(message));
        expect(converted.every((octet) => octet < 128 && octet !== 0)).toBe(true);
        expect(await octetsOf(await sevenBit(sourceOf(message, 1_000_000)))).toEqual(converted);
        // What was converted needs it no more.
        expect((await sevenBit(sourceOf(converted))).at).toBe("unchanged");
      }),
      { numRuns: 300 },
    );
  });
});
