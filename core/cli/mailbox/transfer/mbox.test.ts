/** mbox files of all kinds as a source, and what a target writes. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mboxSource } from "./mbox-source.ts";
import { mboxTarget } from "./mbox-target.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "postern-mbox-files-"));
});
afterEach(() => rm(directory, { recursive: true }));

const FROM = "From ann@example.net Mon Nov  2 10:03:05 2026\n";

async function brought(path: string) {
  const source = await mboxSource(path);
  const all = [];
  for (const { name } of await source.folders()) {
    const from = await source.open(name);
    const contents = await from.read(from.messages);
    for (const { key, ...message } of from.messages)
      all.push({ ...message, folder: name, content: contents.get(key)?.toString("latin1") });
    await from.close();
  }
  return all;
}

async function read(text: string) {
  const path = join(directory, "in");
  await writeFile(path, text, "latin1");
  return brought(path);
}

const texts = async (text: string) => (await read(text)).map(({ content }) => content);

describe("an mbox file is read by the rules of a mailbox:", () => {
  it.each<[string, string, readonly string[]]>([
    ["nothing", "", []],
    ["empty lines in front", `\n\r\n${FROM}A: 1\n\nx\n\n`, ["A: 1\r\n\r\nx\r\n"]],
    ["no empty line in front of the next", `${FROM}A: 1\n\nx\n${FROM}B: 2\n\ny\n`, ["A: 1\r\n\r\nx", "B: 2\r\n\r\ny"]],
    ["a date as in a Date field", "From a Fri, 2 Jan 2026 03:04:05 +0000\nA: 1\n\nx\n\n", ["A: 1\r\n\r\nx\r\n"]],
    ["a date with a comma", "From a Fri Jan 2, 03:04:05 2026\nA: 1\n\nx\n\n", ["A: 1\r\n\r\nx\r\n"]],
    ["one that was cut off in its header", `${FROM}A: 1\nB`, ["A: 1\r\nB"]],
    ["one that was cut off behind its From_ line", `${FROM}A: 1\n\nx\n\n${FROM}`, ["A: 1\r\n\r\nx\r\n", ""]],
    [
      "a From_ line of another message that a Content-Length covers",
      `${FROM}Content-Length: ${FROM.length}\n\n${FROM}\n`,
      [`\r\n${FROM.replace("\n", "\r\n")}`],
    ],
    ["a Content-Length that is wrong", `${FROM}Content-Length: 1\n\nab\n\n${FROM}`, ["\r\nab\r\n", ""]],
    ["one that quotes nothing", `${FROM}A: 1\n\nFrom me\n>From you\n\n`, ["A: 1\r\n\r\nFrom me\r\n>From you\r\n"]],
    ["CRLF, NUL and a bare CR", `${FROM}A: 1\n\n\0\rx\n\n`.replaceAll("\n", "\r\n"), ["A: 1\r\n\r\n\0\rx\r\n"]],
    [
      "X-IMAP in a message that is not the first",
      `${FROM}A: 1\n\n\n${FROM}X-IMAP: 1 2\nB: 2\n\n\n`,
      ["A: 1\r\n\r\n", "B: 2\r\n\r\n"],
    ],
    ["UW's message that is none", `${FROM}X-IMAP: 1 2\nStatus: RO\n\nx\n\n${FROM}A: 1\n\n\n`, ["A: 1\r\n\r\n"]],
  ])("%s", async (_, text, expected) => {
    expect(await texts(text)).toEqual(expected);
  });

  it("flags of all programs, whatever is no keyword left out", async () => {
    const fields = [
      "Status: RO\nX-Status: FT\nX-Keywords: Work a(b",
      "X-Mozilla-Status: 0009\nX-Mozilla-Status2: 10000000\nX-Mozilla-Keys: $label1\n  work%",
    ];
    const found = await read(fields.map((text) => `${FROM}A: 1\n${text}\nB: 2\n\nX-Mozilla-Keys: text\n\n`).join(""));
    const content = "A: 1\r\nB: 2\r\n\r\nX-Mozilla-Keys: text\r\n";
    expect(found).toMatchObject([
      { content, flags: ["\\Seen", "\\Flagged", "\\Draft", "Work"] },
      { content, flags: ["\\Seen", "\\Deleted", "$label1"] },
    ]);
    expect(await texts(`${FROM}\n\nX-Mozilla-Keys: text\n\n\n`)).toEqual(["\r\n\r\nX-Mozilla-Keys: text\r\n\r\n"]);
  });

  it("the date of the From_ line, in its zone", async () => {
    expect(await read("From a Fri Jan  2 03:04:05 2026 +0100\n\n\n")).toMatchObject([
      { internalDate: Date.UTC(2026, 0, 2, 2, 4, 5) },
    ]);
  });

  it("what is no mbox is refused, and passed over in a directory", async () => {
    await expect(read("Subject: x\n\ny\n")).rejects.toThrow("does not begin with a From_ line");
    await writeFile(join(directory, "in.mbox"), `\n${FROM}A: 1\n\nx\n\n`);
    await writeFile(join(directory, "notes.txt"), ` ${FROM}`);
    await mkdir(join(directory, "empty"));
    await rm(join(directory, "in"));
    expect(await brought(directory)).toMatchObject([{ folder: "in", content: "A: 1\r\n\r\nx\r\n" }]);
  });

  it("a file that is written anew meanwhile gives nothing that was not listed", async () => {
    const path = join(directory, "in");
    await writeFile(path, `${FROM}A: 1\n\nfirst\n\n${FROM}A: 1\n\nsecond\n\n`);
    const from = await (await mboxSource(path)).open("in");
    await writeFile(path, `${FROM}A: 1\n\nfirst\n\n${FROM}A: 1\n\nother!\n\n`);
    const contents = await from.read(from.messages);
    expect([...contents.values()].map(String)).toEqual(["A: 1\r\n\r\nfirst\r\n"]);
    await from.close();
  });
});

describe("an mbox file is written", () => {
  const line = fc.constantFrom("From a", ">From b", ">>From c", FROM.trimEnd(), "", "x", "\r", "Status: R", "é");
  const text = fc.array(line, { maxLength: 6 }).map((lines) => lines.map((one) => `${one}\r\n`).join(""));
  const flags = fc.subarray(["\\Seen", "\\Flagged", "\\Answered", "\\Draft", "\\Deleted", "Work", "$Junk"]);

  it("so that all comes back as it was", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(text, flags), { minLength: 1, maxLength: 4 }), async (all) => {
        const target = await mboxTarget(directory).open({ name: "out", specialUse: null, isSubscribed: false });
        await target.recover(0, []);
        const messages = all.map(([body, words], index) => ({
          ...{ content: Buffer.from(`A: ${index}\r\n\r\n${body}`), flags: words, internalDate: 1_700_000_000_000 },
          ...{ digest: "", uid: null },
        }));
        await target.append(messages);
        const back = await brought(join(directory, "out.mbox"));
        expect(back.map((one) => ({ ...one, flags: one.flags.toSorted() }))).toMatchObject(
          messages.map(({ content, internalDate, flags: words }) => ({
            content: content.toString("latin1"),
            ...{ internalDate, flags: words.toSorted() },
          })),
        );
      }),
      { numRuns: 60 },
    );
  });

  it("with an empty line behind each message, and without fields that would be taken for the mailbox's own", async () => {
    const target = await mboxTarget(directory).open({ name: "out", specialUse: null, isSubscribed: false });
    const of = (content: string) => ({
      ...{ content: Buffer.from(content), flags: ["\\Seen", "\\Answered", "Work"], internalDate: 0 },
      ...{ digest: "", uid: null },
    });
    await target.append([
      of("Return-Path: <a@b>\r\nX-UID: 7\r\nStatus: O\r\n folded\r\nA: 1\r\n\r\nno end"),
      of("A: 2\r\n"),
    ]);
    const written = await readFile(join(directory, "out.mbox"), "latin1");
    expect(written.replace(/^From (\S+) .*/gm, "From $1")).toBe(
      "From a@b\nReturn-Path: <a@b>\nA: 1\nStatus: RO\nX-Status: A\nX-Keywords: Work\n\nno end\n\n" +
        "From MAILER-DAEMON\nA: 2\nStatus: RO\nX-Status: A\nX-Keywords: Work\n\n",
    );
  });
});
