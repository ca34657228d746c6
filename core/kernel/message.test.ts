/** Messages in pieces: never joined, never changed in place. */
import { mkdtemp, rm, truncate, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Change } from "../contracts/verdicts.ts";
import { addressOf, messageOf } from "../testing/mail.ts";
import { createMessage, editMessage, isStored, type Piece, readPieces, withBody } from "./message.ts";

const bytes = (text: string) => Buffer.from(text);
const textOf = async (message: { content(): NodeJS.ReadableStream }) => String(await buffer(message.content()));

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-message-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("a message", () => {
  const message = messageOf("Subject: a\n folded subject\nX: 1\nx: 2\n\nbody\n");

  it("knows its size and its headers, unfolded, without case", () => {
    expect(message.sizeBytes).toBe(49);
    expect(message.headers.get("SUBJECT")).toBe("a folded subject");
    expect(message.headers.all("X")).toEqual(["1", "2"]);
    expect(message.headers.get("To")).toBeUndefined();
  });

  it("gives its pieces as they are", () => {
    const pieces = message.inMemory();
    expect(pieces?.[0]).toBe(message.header);
    expect(pieces?.[1]).toBe(message.body[0]);
    expect(isStored(message)).toBe(true);
  });

  it("may have no body and no empty line", async () => {
    const bare = createMessage(bytes("Subject: x\r\n"), []);
    expect(await textOf(withBody(bare, [bytes("body\r\n")]))).toBe("Subject: x\r\n\r\nbody\r\n");
    expect(await textOf(withBody(createMessage(bytes("Subject: x"), []), []))).toBe("Subject: x\r\n\r\n");
  });
});

describe("editing", () => {
  const edit = async (text: string, ...changes: readonly Change[]) => textOf(editMessage(messageOf(text), changes));

  it.each<[string, string, readonly Change[], string]>([
    [
      "puts the last one prepended first",
      "A: 1\n\nb\n",
      [
        { op: "prepend", header: "X", value: "1" },
        { op: "prepend", header: "Y", value: "2" },
      ],
      "Y: 2\r\nX: 1\r\nA: 1\r\n\r\nb\r\n",
    ],
    [
      "appends below the last field",
      "A: 1\n\nb\n",
      [
        { op: "append", header: "X", value: "1" },
        { op: "append", header: "Y", value: "2" },
      ],
      "A: 1\r\nX: 1\r\nY: 2\r\n\r\nb\r\n",
    ],
    [
      "removes every field of a name with its folding",
      "A: 1\nB: 2\n more\na: 3\nC: 4\n\nb\n",
      [
        { op: "removeHeader", header: "a" },
        { op: "removeHeader", header: "B" },
      ],
      "C: 4\r\n\r\nb\r\n",
    ],
    [
      "removes what was added before, and keeps what is added after",
      "A: 1\n\nb\n",
      [
        { op: "append", header: "A", value: "2" },
        { op: "removeHeader", header: "A" },
        { op: "append", header: "A", value: "3" },
      ],
      "A: 3\r\n\r\nb\r\n",
    ],
    [
      "keeps an empty header apart from the body",
      "\nb: not a field\n",
      [{ op: "prepend", header: "X", value: "1" }],
      "X: 1\r\n\r\nb: not a field\r\n",
    ],
    [
      "edits single fields byte by byte, whatever else is asked for",
      "A: 1\nB: 2\n more\na: 3\nC:  4\n\nb\n",
      [
        { op: "prepend", header: "A", value: "0" },
        {
          op: "editHeader",
          edits: [
            { index: 1, field: null },
            { index: 2, field: { header: "D", value: "5" } },
          ],
        },
        { op: "removeHeader", header: "d" },
        { op: "editHeader", edits: [{ index: 0, field: { header: "E", value: "6" } }] },
      ],
      "A: 0\r\nE: 6\r\nC:  4\r\n\r\nb\r\n",
    ],
    ["writes UTF-8", "A: 1\n\nb\n", [{ op: "append", header: "X", value: "grüß" }], "A: 1\r\nX: grüß\r\n\r\nb\r\n"],
  ])("%s", async (_, before, changes, after) => {
    expect(await edit(before, ...changes)).toBe(after);
  });

  it("exchanges addresses in their place", () => {
    const message = messageOf(
      'From: "Ann (x)" <ann@Old.example> (hi)\nX-From: ann@old.example\nTo: b@x,\n ann@old.example\n\n',
    );
    const edited = editMessage(message, [
      {
        op: "readdress",
        headers: ["from", "To"],
        addresses: [{ from: addressOf("ann@old.example"), to: addressOf('"a b"@new.example') }],
      },
    ]);
    expect(String(Buffer.from(edited.header))).toBe(
      'From: "Ann (x)" <"a b"@new.example> (hi)\r\nX-From: ann@old.example\r\nTo: b@x,\r\n "a b"@new.example\r\n\r\n',
    );
    const other = { from: addressOf("Ann@old.example"), to: addressOf("x@new.example") };
    expect(editMessage(message, [{ op: "readdress", headers: ["From"], addresses: [other] }])).toBe(message);
  });

  it("shares the body and leaves the original alone", async () => {
    const original = messageOf("A: 1\n\nb\n");
    const edited = editMessage(original, [{ op: "prepend", header: "X", value: "1" }]);
    expect(edited.body).toBe(original.body);
    expect(original.headers.get("x")).toBeUndefined();
    expect(editMessage(original, [{ op: "removeHeader", header: "Z" }])).toBe(original);
  });

  it("throws for a field that is not there", () => {
    const edits = [{ index: 1, field: null }];
    expect(() => editMessage(messageOf("A: 1\n\nb\n"), [{ op: "editHeader", edits }])).toThrow(RangeError);
  });

  it("closes a header block that ends within a line", async () => {
    const broken = createMessage(bytes("A: 1"), []);
    expect(await textOf(editMessage(broken, [{ op: "append", header: "X", value: "1" }]))).toBe("A: 1\r\nX: 1\r\n");
  });
});

describe("pieces of a file", () => {
  const large = Buffer.alloc(300_000, "0123456789");
  const inFile = async (name: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, large);
    return path;
  };

  it("are read in their place, between pieces in memory", async () => {
    const path = await inFile("whole");
    const pieces: Piece[] = [
      bytes("head"),
      { path, start: 5, length: 250_000 },
      bytes(""),
      { path, start: 0, length: 0 },
      { path, start: 299_995, length: 5 },
      bytes("tail"),
    ];
    const expected = Buffer.concat([bytes("head"), large.subarray(5, 250_005), bytes("56789"), bytes("tail")]);
    expect((await buffer(readPieces(pieces))).equals(expected)).toBe(true);
    expect(createMessage(bytes("\r\n"), pieces).sizeBytes).toBe(expected.length + 2);
    expect(createMessage(bytes("\r\n"), pieces).inMemory()).toBeNull();
  });

  it("error the stream when the file has gone or is too short", async () => {
    const gone = await inFile("gone");
    await unlink(gone);
    await expect(buffer(readPieces([{ path: gone, start: 0, length: 10 }]))).rejects.toThrow("ENOENT");
    const short = await inFile("short");
    await truncate(short, 100_000);
    await expect(buffer(readPieces([{ path: short, start: 0, length: 300_000 }]))).rejects.toThrow("shorter");
  });

  it("close their file when the reader leaves early", async () => {
    const stream = readPieces([{ path: await inFile("left"), start: 0, length: 300_000 }]);
    for await (const _ of stream) break;
    expect(stream.destroyed).toBe(true);
    await expect(rm(join(folder, "left"))).resolves.toBeUndefined();
  });
});
