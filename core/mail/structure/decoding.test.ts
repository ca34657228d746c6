import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeRaw, decodeText } from "./charset.ts";
import { parseDate } from "./date.ts";
import { decodeEncodedWords } from "./encoded-word.ts";
import { decodeTransferEncoding, transferDecoder } from "./transfer-encoding.ts";

describe("decodeEncodedWords", () => {
  const words: [value: string, text: string][] = [
    ["plain", "plain"],
    ["=?US-ASCII?Q?Keith_Moore?= <moore@example.org>", "Keith Moore <moore@example.org>"],
    ["=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen"],
    [
      "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
      "If you can read this you understand the example.",
    ],
    ["(=?ISO-8859-1?Q?a?= b)", "(a b)"],
    ["(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"],
    ["=?utf-8?B?w4Q?=", "Ä"],
    ["=?utf-8*de?q?=C3=84?=", "Ä"],
    ["=?utf-8?q?=C3?= =?utf-8?q?=84?=", "Ä"],
    ["=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"],
    ["=?gb2312?B?1tDOxA==?=", "中文"],
    ["=?no-such-charset?q?a=E9?=", "aé"],
    ["=?utf-8?x?abc?=", "=?utf-8?x?abc?="],
    ["=?utf-8?q?never closed", "=?utf-8?q?never closed"],
    [Buffer.from("Grüße").toString("latin1"), "Grüße"],
    ["Gr\xfc\xdfe", "Grüße"],
  ];
  it.each(words)("reads %j", (value, text) => {
    expect(decodeEncodedWords(value)).toBe(text);
  });

  it("never throws", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("=?", "utf-8", "?q?", "?b?", "?=", "=", "x", " ", "\xff", "=zz", "*")),
        (parts) => {
          expect(typeof decodeEncodedWords(parts.join(""))).toBe("string");
        },
      ),
    );
  });
});

describe("charsets", () => {
  it("decodes what mail names, by whatever name", () => {
    expect(decodeText(Buffer.of(0x93, 0x94), "Windows-1252")).toBe("“”");
    expect(decodeText(Buffer.of(0x82, 0xa0), "cp932")).toBe("あ");
    expect(decodeText(Buffer.from("ä"), null)).toBe("ä");
    expect(decodeRaw("ascii")).toBe("ascii");
  });
});

describe("transfer encodings", () => {
  const texts: [encoding: string, octets: string, decoded: string][] = [
    ["7bit", "a=20b", "a=20b"],
    ["quoted-printable", "a=3Db=\r\nc=  \r\nd \r\n=", "a=bcd \r\n"],
    ["quoted-printable", "100% = wrong =zz", "100% = wrong =zz"],
    ["base64", "aGVs\r\nbG8=\r\n", "hello"],
    ["base64", "aGVs!bG8", "hello"],
    ["base64", "YQ==YQ==", "aa"],
    ["x-unknown", "abc", "abc"],
  ];
  it.each(texts)("undoes %s of %j, whole or octet by octet", (encoding, octets, decoded) => {
    const source = Buffer.from(octets, "latin1");
    expect(Buffer.from(decodeTransferEncoding(source, encoding)).toString("latin1")).toBe(decoded);
    const decoder = transferDecoder(encoding);
    const pieces = [...source].map((octet) => Buffer.from(decoder.write(Buffer.of(octet))).toString("latin1"));
    expect(pieces.join("") + Buffer.from(decoder.end()).toString("latin1")).toBe(decoded);
  });

  it("holds back no more than a line of damaged quoted-printable", () => {
    const decoder = transferDecoder("quoted-printable");
    let size = 0;
    for (let i = 0; i < 1000; i++) size += decoder.write(Buffer.from("=    ")).length;
    expect(size).toBeGreaterThan(4900);
  });
});

describe("parseDate", () => {
  const dates: [value: string, iso: string | null][] = [
    ["Mon, 7 Feb 1994 21:52:25 -0800 (PST)", "1994-02-08T05:52:25.000Z"],
    ["7 Feb 94 21:52 EST", "1994-02-08T02:52:00.000Z"],
    ["Mon,7 February 1994 21:52:25", "1994-02-07T21:52:25.000Z"],
    ["  7-Feb-1994 00:00:00 +0000", "1994-02-07T00:00:00.000Z"],
    ["Thu (day), 13 Feb 1969 23:32:54 -0330", "1969-02-14T03:02:54.000Z"],
    ["yesterday", null],
    ["32 Feb 1994 00:00:00 +0000", null],
    ["", null],
  ];
  it.each(dates)("reads %j", (value, iso) => {
    const date = parseDate(value);
    expect(date === null ? null : new Date(date.epochMs).toISOString()).toBe(iso);
  });
});
