/** The end of a message and its dots, against the RFC's words; what the scanner for chunks sees in the same content. */
import { ChunkScanner } from "../../../core/smtp/chunk-scanner.ts";
import { DotScanner } from "../../../core/smtp/dot-scanner.ts";
import { messages } from "../corpus.ts";
import { hold, type Target } from "../target.ts";

/** RFC 5321 4.5.2, line by line. */
function reference(text: string): { readonly content: string; readonly rest: string | null } {
  let content = "";
  for (let at = 0; ; ) {
    if (text.startsWith(".\r\n", at)) return { content, rest: text.slice(at + 3) };
    if (text[at] === ".") at++;
    const end = text.indexOf("\r\n", at);
    if (end < 0) return { content: content + text.slice(at), rest: null };
    content += text.slice(at, end + 2);
    at = end + 2;
  }
}

const bareLineEnds = /\r(?!\n)|(?<!\r)\n/g;

export const target: Target = {
  name: "dot-scanner",
  inputs: 600,
  corpus: messages.map((message) => Buffer.concat([message, Buffer.from("\r\n.\r\nQUIT\r\n")])),
  run(input, random) {
    const text = input.toString("latin1");
    const expected = reference(text);
    let content = "";
    const scanner = new DotScanner((piece) => {
      content += piece.toString("latin1");
    });
    let rest: string | null = null;
    let at = 0;
    for (const chunk of random.cut(input)) {
      const end = scanner.scan(chunk, 0);
      if (end >= 0) {
        rest = text.slice(at + end);
        break;
      }
      at += chunk.length;
    }
    hold(rest === expected.rest, () => "the message ends elsewhere");
    if (rest === null) return;
    hold(content === expected.content, () => "the content is another");
    hold(scanner.bareLineEnds > 0 === bareLineEnds.test(content), () => `${scanner.bareLineEnds} bare line ends`);
    bareLineEnds.lastIndex = 0;
    hold(scanner.hasNul === content.includes("\0"), () => "NUL");

    const chunks = new ChunkScanner(() => undefined, false);
    for (const chunk of random.cut(Buffer.from(content, "latin1"))) {
      chunks.begin(chunk.length);
      hold(chunks.scan(chunk, 0) === chunk.length, () => "a chunk does not end where it should");
    }
    chunks.finish();
    hold(chunks.bareLineEnds > 0 === scanner.bareLineEnds > 0, () => "chunks have other line ends");
    hold(
      chunks.headerFields === scanner.headerFields,
      () => `${chunks.headerFields} and ${scanner.headerFields} fields`,
    );
    hold(chunks.hasNul === scanner.hasNul, () => "chunks have another NUL");
  },
};
