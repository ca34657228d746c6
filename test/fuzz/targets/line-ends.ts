/** Mended line ends: CRLF and nothing else, wherever the pieces end. */
import { LineEnds } from "../../../core/smtp/line-ends.ts";
import { messages } from "../corpus.ts";
import { hold, type Target } from "../target.ts";

export const target: Target = {
  name: "line-ends",
  inputs: 500,
  corpus: messages,
  run(input, random) {
    const ends = new LineEnds();
    let out = "";
    for (const piece of random.cut(input)) out += ends.normalise(piece).toString("latin1");
    out += ends.end()?.toString("latin1") ?? "";
    hold(out === input.toString("latin1").replace(/\r\n|\r|\n/g, "\r\n"), () => "not what it should be");
  },
};
