import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { MboxDecoder } from "./decode.ts";
import { MboxEncoder } from "./encode.ts";
import { formatFromLine, parseFromLine } from "./from-line.ts";
import { factsOf } from "./meta-fields.ts";
import type { ScannedMessage } from "./place.ts";
import type { MboxQuoting } from "./quoting.ts";
import { scanMbox } from "./scan.ts";
import { formatMeta, refitField } from "./write-meta.ts";

const directory = mkdtempSync(join(tmpdir(), "postern-mbox-"));
afterAll(() => rmSync(directory, { recursive: true }));

const FROM = "From a@b Fri Jan  2 03:04:05 2026\n";

async function scanned(
  text: string | Buffer,
  quoting: MboxQuoting = "mboxrd",
  from = 0,
): Promise<readonly ScannedMessage[]> {
  const path = join(directory, "scanned");
  writeFileSync(path, text);
  const fd = openSync(path, "r");
  try {
    const found: ScannedMessage[] = [];
    for await (const one of scanMbox(fd, { from, to: fstatSync(fd).size, quoting })) found.push(one);
    return found;
  } finally {
    closeSync(fd);
  }
}

function decoded(
  file: Buffer,
  one: ScannedMessage,
  how: { readonly quoting?: MboxQuoting; readonly step?: number } = {},
): Buffer {
  const decoder = new MboxDecoder(one.place, how.quoting ?? "mboxrd");
  const raw = file.subarray(one.place.start + one.place.header, one.place.start + one.place.end);
  const step = how.step ?? raw.length + 1;
  const out: Buffer[] = [];
  for (let at = 0; at < raw.length; at += step) out.push(decoder.write(raw.subarray(at, at + step)));
  return Buffer.concat([...out, decoder.end()]);
}

function encoded(content: Buffer, quoting: MboxQuoting, step = content.length + 1): Buffer {
  const encoder = new MboxEncoder(quoting);
  const out: Buffer[] = [];
  for (let at = 0; at < content.length; at += step) out.push(encoder.write(content.subarray(at, at + step)));
  const raw = Buffer.concat([...out, encoder.end()]);
  const fields = formatMeta({ uid: 7, flags: ["\\Seen", "Key"], isOld: true, base: null, isPseudo: false, tag: "t" });
  const length = quoting === "none" ? `Content-Length: ${encoder.bodyLength}\n` : "";
  return Buffer.concat([
    Buffer.from(FROM),
    raw.subarray(0, encoder.fields),
    Buffer.from(fields + length),
    raw.subarray(encoder.fields),
    Buffer.from("\n"),
  ]);
}

const texts = async (text: string, quoting: MboxQuoting = "mboxrd"): Promise<readonly string[]> => {
  const file = Buffer.from(text, "latin1");
  return (await scanned(file, quoting)).map((one) => {
    const whole = decoded(file, one, { quoting });
    expect(whole.length).toBe(one.sizeBytes);
    expect(decoded(file, one, { quoting, step: 1 }).equals(whole)).toBe(true);
    return whole.toString("latin1");
  });
};

describe("From_ lines", () => {
  it.each([
    ["From a@b Fri Jan  2 03:04:05 2026", new Date(2026, 0, 2, 3, 4, 5).getTime()],
    ["From a@b Fri Jan 2 03:04 2026", new Date(2026, 0, 2, 3, 4).getTime()],
    ["From Fri Jan  2 03:04:05 2026", new Date(2026, 0, 2, 3, 4, 5).getTime()],
    ["From - Fri Jan 02 03:04:05 2026", new Date(2026, 0, 2, 3, 4, 5).getTime()],
    ['From "a b"@c Fri Jan  2 03:04:05 2026', new Date(2026, 0, 2, 3, 4, 5).getTime()],
    ["From 123@xxx Fri Jan 02 03:04:05 +0100 2026", Date.UTC(2026, 0, 2, 2, 4, 5)],
    ["From a Fri Jan  2 03:04:05 2026 -0330", Date.UTC(2026, 0, 2, 6, 34, 5)],
    ["From a Fri Jan  2 03:04:05 CET 2026", new Date(2026, 0, 2, 3, 4, 5).getTime()],
    ["From a Fri Jan  2 03:04:05 2026 remote from b", new Date(2026, 0, 2, 3, 4, 5).getTime()],
    ["From a@b Fri, 2 Jan 2026 03:04:05 +0000", Date.UTC(2026, 0, 2, 3, 4, 5)],
    ["From me to you", null],
    ["From the third of May 2020 on", null],
    [">From a@b Fri Jan  2 03:04:05 2026", null],
    ["from a@b Fri Jan  2 03:04:05 2026", null],
    ["From a@b Fri Foo  2 03:04:05 2026", null],
    ["From a@b Fri Jan 42 03:04:05 2026", null],
    [`From ${"a".repeat(2000)} Fri Jan  2 03:04:05 2026`, null],
  ])("%s", (line, expected) => {
    expect(parseFromLine(line)).toBe(expected);
  });

  it("are read as they are written", () => {
    for (const date of [0, 86_400_000 * 365, Date.UTC(2026, 5, 3, 23, 59, 59), Number.NaN, 1e300]) {
      const line = formatFromLine("a b\n@c", date);
      expect(line).toMatch(/^From a_b_@c .*\n$/);
      expect(parseFromLine(line.trimEnd())).not.toBeNull();
    }
    expect(parseFromLine(formatFromLine("", 1_000_000_000_000).trimEnd())).toBe(1_000_000_000_000);
  });
});

describe("messages of an mbox", () => {
  it.each<[string, string, readonly string[]]>([
    ["nothing", "", []],
    ["empty lines only", "\n\r\n\n", []],
    ["one", `${FROM}A: 1\n\nbody\n\n`, ["A: 1\r\n\r\nbody\r\n"]],
    ["two", `${FROM}A: 1\n\nbody\n\n${FROM}B: 2\n\nx\n\n`, ["A: 1\r\n\r\nbody\r\n", "B: 2\r\n\r\nx\r\n"]],
    ["empty lines in front", `\n\n${FROM}A: 1\n\nbody\n\n`, ["A: 1\r\n\r\nbody\r\n"]],
    ["no empty line between", `${FROM}A: 1\n\nbody\n${FROM}B: 2\n\nx\n\n`, ["A: 1\r\n\r\nbody", "B: 2\r\n\r\nx\r\n"]],
    ["no line end at the end", `${FROM}A: 1\n\nbody`, ["A: 1\r\n\r\nbody"]],
    ["a header alone", `${FROM}A: 1\n\n${FROM}B: 2\n`, ["A: 1\r\n", "B: 2\r\n"]],
    ["an empty body", `${FROM}A: 1\n\n\n${FROM}B: 2\n\n\n`, ["A: 1\r\n\r\n", "B: 2\r\n\r\n"]],
    ["a From_ line alone", FROM, [""]],
    ["a From_ line in a body, without a date", `${FROM}A: 1\n\nFrom me\n\n`, ["A: 1\r\n\r\nFrom me\r\n"]],
    [
      "quoted lines",
      `${FROM}A: 1\n\n>From me\n>>From you\n> From\n>Fro\n\n`,
      ["A: 1\r\n\r\nFrom me\r\n>From you\r\n> From\r\n>Fro\r\n"],
    ],
    ["one that quotes nothing", `${FROM}A: 1\n\nFrom me\n>From you\n\n`, ["A: 1\r\n\r\nFrom me\r\n>From you\r\n"]],
    ["CRLF", `${FROM}A: 1\n\nbody\n\n${FROM}`.replaceAll("\n", "\r\n"), ["A: 1\r\n\r\nbody\r\n", ""]],
    ["CRLF and LF", `${FROM}A: 1\r\n\r\nbody\r\nx\n\n${FROM}`, ["A: 1\r\n\r\nbody\r\nx\r\n", ""]],
    ["NUL", `${FROM}A: \0\n\n\0\0\n\0\n\n`, ["A: \0\r\n\r\n\0\0\r\n\0\r\n"]],
    [
      "fields of the mailbox",
      `${FROM}Status: RO\nA: 1\nX-UID: 3\nX-Keywords: a\n\tb\nX-Status: A\nB: 2\n\nStatus: x\n\n`,
      ["A: 1\r\nB: 2\r\n\r\nStatus: x\r\n"],
    ],
    [
      "Lines, behind Content-Length only",
      `${FROM}Lines: 1\nContent-Length: 5\nLines: 1\n\nbody\n\n`,
      ["Lines: 1\r\n\r\nbody\r\n"],
    ],
    [
      "a right Content-Length",
      `${FROM}Content-Length: ${FROM.length + 2}\n\n${FROM}x\n\n${FROM}`,
      [`\r\n${FROM.replace("\n", "\r\n")}x\r\n`, ""],
    ],
    [
      "a right Content-Length up to the end",
      `${FROM}Content-Length: ${FROM.length + 2}\n\n${FROM}x\n`,
      [`\r\n${FROM.replace("\n", "\r\n")}x\r\n`.slice(0, -2)],
    ],
    ["a Content-Length that is too small", `${FROM}Content-Length: 2\n\nbody\n\n${FROM}`, ["\r\nbody\r\n", ""]],
    ["a Content-Length that is too large", `${FROM}Content-Length: 7\n\nbody\n\n${FROM}`, ["\r\nbody\r\n", ""]],
    [
      "a Content-Length beyond the file",
      `${FROM}Content-Length: 999999999999999\n\nbody\n\n${FROM}`,
      ["\r\nbody\r\n", ""],
    ],
    ["a Content-Length that is none", `${FROM}Content-Length: -1\n\nbody\n\n${FROM}`, ["\r\nbody\r\n", ""]],
  ])("%s", async (_, text, expected) => {
    expect(await texts(text)).toEqual(expected);
  });

  it("is no mbox if something else stands in front", async () => {
    for (const text of ["x", "\0", "Subject: x\n\n", "From me\n", `x\n${FROM}`]) {
      await expect(scanned(text)).rejects.toMatchObject({ code: "corruption" });
    }
  });

  it("says what its fields say", async () => {
    const [one] = await scanned(
      `${FROM}X-IMAPbase: 1700000000 0000000012 Work $Label1\nX-UID: 12      \nStatus:  RO\nX-Status: AFTDx\nX-Keywords: Work other Work   \nX-UID: 99\n\n`,
    );
    expect(one?.facts).toMatchObject({
      uid: 12,
      isOld: true,
      isPseudo: false,
      base: { uidValidity: 1_700_000_000, lastUid: 12, keywords: ["Work", "$Label1"] },
    });
    expect([...(one?.facts.flags ?? [])].sort()).toEqual(
      ["Work", "\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen", "other"].sort(),
    );
  });

  it("finds messages and lines across the borders of what is read at once", async () => {
    for (const size of [512 * 1024 - 40, 512 * 1024, 128 * 1024, 3_000_000]) {
      for (const shift of [0, 1, 2, 3, 4, 5, 6, 7]) {
        const body = `${"x".repeat(size - shift)}\n>From x\n>>From\n${"y".repeat(70)}\n`;
        const file = Buffer.from(`${FROM}A: 1\n\n${body}\n${FROM}B: ${"b".repeat(600_000)}\n\nend\n\n`);
        const found = await scanned(file);
        expect(found.map((one) => decoded(file, one).length)).toEqual(found.map((one) => one.sizeBytes));
        expect(found.length).toBe(2);
      }
    }
  });

  it("needs no more memory for a line or a header without end", async () => {
    const file = Buffer.concat([
      Buffer.from(FROM),
      Buffer.alloc(20_000_000, "h"),
      Buffer.from("\n\n"),
      Buffer.alloc(20_000_000, ">"),
    ]);
    const [one] = await scanned(file);
    expect(one?.sizeBytes).toBe(40_000_004);
  });
});

describe("what is written", () => {
  const line = fc.constantFrom(
    "From a",
    "From ",
    ">From b",
    ">>From c",
    FROM.trimEnd(),
    "",
    "x",
    ">",
    "Status: RO",
    "a\r",
    "\r",
    "\0",
    ".",
    "é",
  );
  const ending = fc.constantFrom("\r\n", "\r\n", "\r\n", "\r\r\n");
  const body = fc.array(fc.tuple(line, ending), { maxLength: 8 }).map((lines) => lines.flat().join(""));

  it.each<MboxQuoting>(["mboxrd", "none"])("comes back as it was: %s", async (quoting) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(body, { minLength: 1, maxLength: 4 }),
        fc.nat(30),
        fc.boolean(),
        async (bodies, step, isOpen) => {
          const contents = bodies.map((text) => Buffer.from(`A: 1\r\n\r\n${text}${isOpen ? "end" : ""}`));
          const file = Buffer.concat(contents.map((content) => encoded(content, quoting, step + 1)));
          const found = await scanned(file, quoting);
          expect(found.map((one) => decoded(file, one, { quoting, step: step + 1 }).toString())).toEqual(
            contents.map(String),
          );
          expect(found.map(({ sizeBytes }) => sizeBytes)).toEqual(contents.map(({ length }) => length));
        },
      ),
      { numRuns: 150 },
    );
  });

  it("leaves out what would be taken for the mailbox's own, and a From_ line that came along", async () => {
    const content = Buffer.from(
      `${FROM}Status: RO\r\nA: 1\r\nX-UID: 5\r\n folded\r\nx-imapbase: 1 2\r\nLines: 3\r\n\r\nX-UID: 6\r\n`,
    );
    const file = encoded(content, "mboxrd");
    const found = await scanned(file);
    expect(found.map((one) => decoded(file, one).toString())).toEqual(["A: 1\r\nLines: 3\r\n\r\nX-UID: 6\r\n"]);
    expect(found[0]?.facts).toMatchObject({ uid: 7, isOld: true, tag: "t" });
  });
});

describe("fields of the mailbox", () => {
  it("are changed where they stand if there is room", () => {
    expect(refitField("Status:   \n", "status", "RO")).toBe("Status: RO\n");
    expect(refitField("Status:  RO\r\n", "status", "O")).toBe("Status: O  \r\n");
    expect(refitField("X-Keywords: a\n\tb\n", "keywords", "a b")).toBe("X-Keywords: a b \n");
    expect(refitField("Status: O\n", "status", "RO")).toBeNull();
    expect(refitField("X-UID:12\n", "uid", "12")).toBe("X-UID:12\n");
  });

  it("have room for a UID, all flags and some keywords", () => {
    const empty = { uid: 0, flags: [], isOld: false, base: null, isPseudo: false, tag: "" };
    const full = {
      ...empty,
      uid: 4_294_967_294,
      flags: ["\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted", "k".repeat(50)],
      isOld: true,
    };
    expect(formatMeta(full).length).toBe(formatMeta(empty).length);
    const lines = formatMeta(full).split(/(?<=\n)/);
    const kinds = ["uid", "status", "xstatus", "keywords"] as const;
    const facts = factsOf(lines.map((text, index) => ({ kind: kinds[index] ?? "uid", text })));
    expect([...facts.flags].sort()).toEqual([...full.flags].sort());
  });
});
