/** ID (RFC 2971): who are you? Answers say no more than the banner would. */
import { ok } from "../reply.ts";
import { formatText } from "../wire/format.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { defineCommand } from "./command.ts";

/** RFC 2971 3.3: at most 30 pairs, names of 30 octets, values of 1024. */
const maxPairs = 30;

export const id = defineCommand({
  validIn: "any",
  parse(parser): Record<string, string> {
    parser.space();
    const facts: Record<string, string> = {};
    if (parser.peek() === "(") {
      const words = parser.list(() => parser.nstring());
      if (words.length % 2 !== 0 || words.length > 2 * maxPairs)
        throw new SyntaxFault("Expected pairs of field and value");
      for (let i = 0; i < words.length; i += 2)
        facts[formatText(words[i] ?? "").slice(0, 30)] = formatText(words[i + 1] ?? "").slice(0, 100);
    } else if (parser.nstring() !== null) throw new SyntaxFault("Expected a list or NIL");
    parser.end();
    return facts;
  },
  run({ session }, client) {
    // Once: nobody fills the log with it.
    if (!session.hasNamedItself && Object.keys(client).length > 0) session.log.info({ client }, "client names itself");
    session.hasNamedItself = true;
    session.out.line('* ID ("name" "Postern")');
    return ok("ID completed");
  },
});
