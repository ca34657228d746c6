import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { remoteReply } from "./remote-reply.ts";
import { type Reply, ReplyFault, ReplyParser } from "./reply-parser.ts";

function parse(...chunks: readonly (string | Buffer)[]): Reply[] {
  const parser = new ReplyParser();
  const replies: Reply[] = [];
  for (const chunk of chunks) parser.push(Buffer.from(chunk), (reply) => replies.push(reply));
  return replies;
}

describe("replies", () => {
  it.each<[string, Reply[]]>([
    ["250 ok\r\n", [{ code: 250, lines: ["ok"] }]],
    ["250\r\n", [{ code: 250, lines: [""] }]],
    ["250-a\r\n250-b\r\n250 c\r\n", [{ code: 250, lines: ["a", "b", "c"] }]],
    ["250-a\r\n250\r\n", [{ code: 250, lines: ["a", ""] }]],
    [
      "250 ok\n354 go\n",
      [
        { code: 250, lines: ["ok"] },
        { code: 354, lines: ["go"] },
      ],
    ],
    ["250 ok\r\n25", [{ code: 250, lines: ["ok"] }]],
    ["250 j\u00f6rg\r\n", [{ code: 250, lines: ["j\u00f6rg"] }]],
  ])("%j", (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  it.each([
    "hello\r\n",
    "\r\n",
    "150 early\r\n",
    "650 late\r\n",
    "2x0 what\r\n",
    "250_ok\r\n",
    "25\r\n",
    "250-a\r\n251 b\r\n",
    "HTTP/1.1 400 Bad Request\r\n",
    `250 ${"x".repeat(5_000)}\r\n`,
    `250 ${"x".repeat(5_000)}`,
    `${"250-x\r\n".repeat(201)}250 x\r\n`,
  ])("what is none breaks the conversation: %.30j", (text) => {
    expect(() => parse(text)).toThrow(ReplyFault);
    // Wherever it was cut: nothing is kept without a bound.
    expect(() => parse(...[...Buffer.from(text)].map((octet) => Buffer.from([octet])))).toThrow(ReplyFault);
  });

  const line = fc.string({ unit: fc.constantFrom("a", " ", "-", "5", "\u00e4", "\t"), maxLength: 30 });
  const reply = fc.record({
    code: fc.integer({ min: 200, max: 599 }),
    lines: fc.array(line, { minLength: 1, maxLength: 5 }),
  });
  it("are the same wherever the chunks end", () => {
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 6 }), fc.array(fc.nat(400)), (replies, cuts) => {
        const wire = Buffer.from(
          replies
            .map(({ code, lines }) =>
              lines.map((text, at) => `${code}${at === lines.length - 1 ? " " : "-"}${text}\r\n`).join(""),
            )
            .join(""),
        );
        const ends = [...new Set([0, ...cuts.map((cut) => Math.min(cut, wire.length)), wire.length])].sort(
          (a, b) => a - b,
        );
        const chunks = ends.slice(1).map((end, at) => wire.subarray(ends[at], end));
        expect(parse(...chunks)).toEqual(replies);
      }),
    );
  });
});

it.each([
  [
    { code: 550, lines: ["5.1.1 No such", "5.1.1 user"] },
    { status: "5.1.1", text: "No such user" },
  ],
  [
    { code: 550, lines: ["4.1.1 Mixed up"] },
    { status: null, text: "4.1.1 Mixed up" },
  ],
  [
    { code: 250, lines: ["2.0.0"] },
    { status: "2.0.0", text: "" },
  ],
  [
    { code: 250, lines: ["2.0.0x"] },
    { status: null, text: "2.0.0x" },
  ],
  [
    { code: 451, lines: ["a\u0007b\u001b[31m", "c\u0085d"] },
    { status: null, text: "a b [31m c d" },
  ],
  [
    { code: 451, lines: ["x".repeat(3_000)] },
    { status: null, text: "x".repeat(1_000) },
  ],
])("a reply is told without what could do harm: %.60j", (reply, expected) => {
  expect(remoteReply(reply, "mx.example")).toEqual({ code: reply.code, host: "mx.example", ...expected });
});
