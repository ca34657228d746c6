import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { parseMail } from "./parse-mail.ts";

const messageOf = (text: string) => ({
  sizeBytes: Buffer.byteLength(text),
  content: () => Readable.from([Buffer.from(text)]),
});

it("gives decoded headers, text and attachments", async () => {
  const parsed = await parseMail(
    messageOf(
      [
        "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=",
        "From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>",
        'Content-Type: multipart/mixed; boundary="b"',
        "",
        "--b",
        "Content-Type: text/plain; charset=iso-8859-1",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        "na=EFve",
        "--b",
        'Content-Type: application/octet-stream; name="x.bin"',
        "Content-Transfer-Encoding: base64",
        "",
        "AAEC",
        "--b--",
        "",
      ].join("\r\n"),
    ),
  );
  expect(parsed.subject).toBe("Grüße");
  expect(parsed.from?.value).toEqual([{ address: "j@example.org", name: "Jürgen" }]);
  expect(parsed.text?.trim()).toBe("naïve");
  expect(parsed.attachments.map(({ filename, content }) => [filename, [...content]])).toEqual([["x.bin", [0, 1, 2]]]);
});

it("refuses what is larger than its limit, and survives what is no MIME", async () => {
  await expect(parseMail(messageOf("x".repeat(101)), { limitBytes: 100 })).rejects.toMatchObject({
    code: "MAIL_TOO_LARGE",
  });
  expect((await parseMail(messageOf("\u0000\u0001 garbage"))).attachments).toEqual([]);
});
