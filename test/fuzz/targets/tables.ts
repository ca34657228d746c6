/** Look-up tables as administrators write them: a bad line is a mistake with a number, never a throw. */
import { parseCidrRules } from "../../../core/tables/cidr/cidr-rules.ts";
import { logicalLines } from "../../../core/tables/logical-lines.ts";
import { parseRules } from "../../../core/tables/patterns/rules.ts";
import { atOnce } from "../../../core/tables/slices.ts";
import { parseTextTable } from "../../../core/tables/text-table.ts";
import { hold, type Target } from "../target.ts";

const corpus = [
  "# comment\nuser@example.org other@example.org,\n  third@example.org\n@example.net  x\n\nbare\n",
  "192.0.2.0/24 REJECT\n!2001:db8::/32 OK\nif 10.0.0.0/8\n10.1.0.0/16 DUNNO\nendif\n",
  "/^(.*)@(a|b)\\.example$/i $1@c.example\nif !/x/\n/[[:alpha:]]{2,5}+?/ ok\nendif\n/(?<=a)b(?!c)/ $$x $(1)\n",
  "/^\\s*Subject:.*\\bfree\\b/ REJECT no $0 here\n/(((((a)*)*)*)*)*$/ x\n",
];

export const target: Target = {
  name: "tables",
  inputs: 150,
  corpus: corpus.map((text) => Buffer.from(text)),
  words: ["if ", "endif\n", "/", "{", "}", "[[:", ":]]", "(?i)", "\\1", "${", "$9", "\n ", "#"],
  run(input) {
    const text = input.toString("utf8");
    const lineCount = text.split("\n").length;
    const lines = logicalLines(text);
    for (const { mistakes } of [
      atOnce(parseTextTable(text)),
      atOnce(parseCidrRules(lines)),
      atOnce(parseRules(lines, "pcre")),
      atOnce(parseRules(lines, "regexp")),
    ]) {
      for (const { line } of mistakes) {
        // `null`: of the file as a whole
        hold(line === null || (line >= 1 && line <= lineCount), () => `a mistake in line ${line}`);
      }
    }
  },
};
