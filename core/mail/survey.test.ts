import { Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { annotationName, formatAnnotations, parseAnnotations } from "./annotations.ts";
import { textOfHtml, withoutReferences } from "./html-text.ts";
import { messageIds } from "./message-ids.ts";
import { gistOf, surveyMessage, surveyStream } from "./survey.ts";

const lines = (...all: readonly string[]): Buffer => Buffer.from(all.join("\r\n"));
const gistIn = (octets: Buffer) => gistOf(octets, surveyMessage(octets), 5);
const previewOf = (...all: readonly string[]): string => gistIn(lines(...all)).preview;

describe("the preview of a message", () => {
  it.each<[what: string, message: readonly string[], preview: string]>([
    ["of text without a type", ["Subject: x", "", "One", " two  three"], "One two three"],
    ["of nothing", ["Subject: x", "", ""], ""],
    ["passes over quotations", ["", "On Monday Ann wrote:", "> old", "", "New words"], "New words"],
    ["has quotations where there is nothing else", ["", "> old words"], "> old words"],
    ["ends before the signature", ["", "Words", "-- ", "Me"], "Words"],
    ["has no controls and no marks that turn text around", ["", "a\u0007b\u202ec\u200bd\u0085e"], "abcde"],
    [
      "of HTML alone",
      ["Content-Type: text/html", "", "<head><title>t</title></head><style>x{}</style><p>A &amp; B</p><p>C</p>"],
      "A & B C",
    ],
    [
      "takes the text of an alternative, wherever it stands",
      [
        'Content-Type: multipart/alternative; boundary="b"',
        ...["", "--b", "Content-Type: text/html", "", "<b>html</b>"],
        ...["--b", "Content-Type: text/plain; charset=iso-8859-1", "Content-Transfer-Encoding: base64", ""],
        ...[Buffer.from("plain gr\xfcn", "latin1").toString("base64"), "--b--", ""],
      ],
      "plain grün",
    ],
    [
      "passes over attachments and pictures",
      [
        'Content-Type: multipart/mixed; boundary="b"',
        ...["", "--b", "Content-Type: text/plain", "Content-Disposition: attachment", "", "file"],
        ...["--b", "Content-Type: image/png", "", "PNG", "--b", "", "words", "--b--", ""],
      ],
      "words",
    ],
  ])("%s", (_, message, preview) => {
    expect(previewOf(...message)).toBe(preview);
  });

  it("has 200 characters at most, none of them cut in two", () => {
    const preview = previewOf("Content-Type: text/plain; charset=utf-8", "", "😀".repeat(500));
    expect([...preview]).toHaveLength(200);
    expect(preview).toBe("😀".repeat(200));
  });
});

describe("HTML", () => {
  it.each<[html: string, text: string]>([
    ["a<b>b</b>c", "abc"],
    ["a<br>b", "a b"],
    ["1 < 2 and <", "1 < 2 and <"],
    ['<a title=">">x</a>', "x"],
    ["<!-- <p>no</p> -->yes", "yes"],
    ["<!-- never closed <p>no", ""],
    ["<script>if (a</b) x</script>after", " after"],
    ["<style>never closed", " "],
  ])("%j is read as %j", (html, text) => {
    expect(textOfHtml(html)).toBe(text);
  });

  it("undoes references, and leaves what is none", () => {
    expect(withoutReferences("&lt;&#65;&#x42;&nosuch;&amp &#0;&#xd800;&#x110000;")).toBe(
      "<AB&nosuch;& \ufffd\ufffd\ufffd",
    );
  });

  it("takes time that grows with the text alone", () => {
    for (const piece of ["<", "<!--", "</", "<script>", "<a b='", "&", "<style></", "&#"]) {
      expect(withoutReferences(textOfHtml(piece.repeat(60_000))).length).toBeLessThan(600_000);
    }
  });
});

describe("message ids", () => {
  it.each<[value: string, ids: readonly string[]]>([
    ["<a@b> <c@d>", ["a@b", "c@d"]],
    ["<a@\r\n b>(comment)<c@d>", ["a@b", "c@d"]],
    ["no brackets", []],
    ["<open <a@b> <never", ["a@b"]],
    ["<> <a@b>", ["a@b"]],
  ])("of %j are %j", (value, ids) => {
    expect(messageIds(value, 10)).toEqual(ids);
  });

  it("are the first and the last ones where there are too many", () => {
    const value = Array.from({ length: 50 }, (_, at) => `<${at}@x>`).join(" ");
    expect(messageIds(value, 4)).toEqual(["0@x", "47@x", "48@x", "49@x"]);
  });
});

describe("a survey", () => {
  it("is the same whole and in pieces, of anything at all", async () => {
    const pieces = fc.constantFrom(
      "Subject: x\r\n",
      "References: <a@b>",
      "\r\n",
      "\n",
      "--b",
      "Content-Type: multipart/mixed; boundary=b\r\n",
      "<p>",
      "=?q?",
      "\0",
      "ä",
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(pieces, fc.string()), { maxLength: 30 }),
        fc.integer({ min: 1, max: 7 }),
        async (parts, size) => {
          const octets = Buffer.from(parts.join(""));
          const chunks = Array.from({ length: Math.ceil(octets.length / size) }, (_, at) =>
            octets.subarray(at * size, (at + 1) * size),
          );
          const whole = { ...surveyMessage(octets), gist: gistIn(octets) };
          expect(await surveyStream(Readable.from(chunks, { objectMode: false }), 5)).toEqual(whole);
          // What is kept is plain JSON.
          expect(JSON.parse(JSON.stringify(whole))).toEqual(whole);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("joins a reply to its thread, also where it has only In-Reply-To", () => {
    const threadOf = (...header: readonly string[]) => gistIn(lines(...header, "", "x")).threadId;
    const root = threadOf("Message-ID: <one@x>");
    expect(threadOf("Message-ID: <two@x>", "In-Reply-To: <one@x>")).toBe(root);
    expect(threadOf("Message-ID: <three@x>", "References: <one@x> <two@x>")).toBe(root);
    expect(threadOf("Message-ID: <four@x>")).not.toBe(root);
    expect(threadOf("Subject: none")).not.toBe(threadOf("Subject: other"));
  });
});

describe("annotations", () => {
  it("come back as they were written; lines that make no sense are passed over", () => {
    const values = new Map([
      ["/private/comment", Buffer.from([0, 10, 255])],
      ["/shared/a/b", Buffer.alloc(0)],
    ]);
    expect(parseAnnotations(`${formatAnnotations(values)}nonsense\n/private/x ***\n\n`)).toEqual(values);
  });

  it("have names as RFC 5464 says", () => {
    expect(annotationName("/Private/Comment")).toBe("/private/comment");
    for (const name of [
      "/private",
      "/x/y",
      "/shared//y",
      "/shared/y/",
      "/shared/a*",
      "/shared/a%",
      "/shared/ä",
      "/shared/a b",
    ]) {
      expect([name, annotationName(name)]).toEqual([name, null]);
    }
  });
});
