/** MIME structure: never a throw, parts lie inside their parents, the same however the octets come. */
import type { Structure } from "../../../core/mail/structure/structure.ts";
import { parseStructure, StructureParser } from "../../../core/mail/structure/structure-parser.ts";
import { decodeTransferEncoding } from "../../../core/mail/structure/transfer-encoding.ts";
import { messages } from "../corpus.ts";
import { hold, type Target } from "../target.ts";

export const target: Target = {
  name: "mime-structure",
  inputs: 450,
  corpus: messages,
  words: [
    "--outer",
    "--outer--",
    "Content-Type: multipart/mixed; boundary=",
    "Content-Type: message/rfc822",
    "boundary=outer",
  ],
  run(input, random) {
    const structure = parseStructure(input);
    check(structure, { start: 0, end: input.length });
    const parser = new StructureParser();
    for (const chunk of random.cut(input)) parser.write(chunk);
    const streamed = parser.end();
    hold(JSON.stringify(streamed) === JSON.stringify(structure), () => "cut into pieces it is another");
    const { start, length } = structure.body;
    for (const encoding of ["base64", "quoted-printable", structure.encoding]) {
      decodeTransferEncoding(input.subarray(start, start + length), encoding);
    }
  },
};

function check({ header, body, children, message }: Structure, within: { start: number; end: number }): void {
  for (const range of [header, body]) {
    hold(
      range.start >= within.start && range.length >= 0 && range.start + range.length <= within.end,
      () => `${JSON.stringify(range)} is not in ${JSON.stringify(within)}`,
    );
  }
  hold(header.start + header.length <= body.start, () => "a body before its header");
  const inside = { start: body.start, end: body.start + body.length };
  let last = inside.start;
  for (const child of children) {
    hold(child.header.start >= last, () => "parts overlap");
    check(child, inside);
    last = child.body.start + child.body.length;
  }
  if (message !== null) check(message, inside);
}
