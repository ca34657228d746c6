/** `RETURN (...)` of SEARCH and SORT (RFC 4731 3.1, RFC 5182, RFC 5267, RFC 6203 4, RFC 9394): what the answer is to tell. */
import type { CommandParser } from "../wire/command-parser.ts";
import { type PartialRange, parsePartialRange } from "../wire/partial-range.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";

export interface ReturnOptions {
  readonly min: boolean;
  readonly max: boolean;
  readonly all: boolean;
  readonly count: boolean;
  /** RFC 5182 2.1 */
  readonly save: boolean;
  /** RFC 6203 4 */
  readonly relevancy: boolean;
  /** RFC 5267 4.3 */
  readonly update: boolean;
  readonly partial: PartialRange | null;
}

const words: ReadonlyMap<string, keyof ReturnOptions> = new Map([
  ["MIN", "min"],
  ["MAX", "max"],
  ["ALL", "all"],
  ["COUNT", "count"],
  ["SAVE", "save"],
  ["RELEVANCY", "relevancy"],
  ["UPDATE", "update"],
]);

/** Behind the command's name and its blank; `null`: there are none, and the old answer is wanted. */
export function parseReturnOptions(parser: CommandParser): ReturnOptions | null {
  if (!parser.takeWord("RETURN ")) return null;
  const given = new Set<string>();
  let partial: PartialRange | null = null;
  parser.list(() => {
    const word = parser.atom().toUpperCase();
    if (word === "PARTIAL") {
      // RFC 9394 3.1: no more than one.
      if (partial !== null) throw new SyntaxFault("PARTIAL was given twice");
      parser.space();
      partial = parsePartialRange(parser);
      return;
    }
    // RFC 5267 4.2: CONTEXT is a hint, and there is nothing that it would make better here.
    const option = word === "CONTEXT" ? "context" : words.get(word);
    if (option === undefined) throw new SyntaxFault("Unknown return option");
    given.add(option);
  });
  parser.space();
  // RFC 9394 3.1: PARTIAL or ALL, not both.
  if (partial !== null && given.has("all")) throw new SyntaxFault("PARTIAL and ALL exclude each other");
  const isTold = partial !== null || ["min", "max", "all", "count", "save"].some((option) => given.has(option));
  return {
    min: given.has("min"),
    max: given.has("max"),
    // RFC 4731 3.1: nothing asked for means ALL; RFC 5182 2.2.4: SAVE alone asks for nothing.
    all: given.has("all") || !isTold,
    count: given.has("count"),
    save: given.has("save"),
    relevancy: given.has("relevancy"),
    update: given.has("update"),
    partial,
  };
}
