/** Search keys (RFC 3501 6.4.4) from the wire to a tree. */
import { decodeRaw } from "postern/mail";
import { type CommandParser, maxNesting } from "../wire/command-parser.ts";
import type { SequenceSet } from "../wire/sequence-set.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { fold } from "./fold.ts";

export type DateOrder = "before" | "on" | "since";

export type SearchKey =
  | { readonly at: "all" }
  | { readonly at: "and"; readonly keys: readonly SearchKey[] }
  | { readonly at: "or"; readonly keys: readonly [SearchKey, SearchKey] }
  | { readonly at: "not"; readonly key: SearchKey }
  | { readonly at: "number" | "uid"; readonly set: SequenceSet }
  | { readonly at: "flag"; readonly flag: string; readonly isSet: boolean }
  | { readonly at: "recent"; readonly isRecent: boolean }
  /** Days since 1970. */
  | { readonly at: "internalDate" | "sentDate"; readonly order: DateOrder; readonly day: number }
  | { readonly at: "size"; readonly isLarger: boolean; readonly octets: number }
  /** `needle` is folded; empty: the field is there. */
  | { readonly at: "header"; readonly field: string; readonly needle: string }
  | { readonly at: "body" | "text"; readonly needle: string };

const maxKeys = 1000;
const fixed: ReadonlyMap<string, SearchKey> = new Map<string, SearchKey>([
  ["ALL", { at: "all" }],
  ...["Answered", "Deleted", "Draft", "Flagged", "Seen"].flatMap((name): [string, SearchKey][] => [
    [name.toUpperCase(), { at: "flag", flag: `\\${name}`, isSet: true }],
    [`UN${name.toUpperCase()}`, { at: "flag", flag: `\\${name}`, isSet: false }],
  ]),
  ["RECENT", { at: "recent", isRecent: true }],
  ["OLD", { at: "recent", isRecent: false }],
  [
    "NEW",
    {
      at: "and",
      keys: [
        { at: "recent", isRecent: true },
        { at: "flag", flag: "\\Seen", isSet: false },
      ],
    },
  ],
]);
const dates: ReadonlyMap<string, { at: "internalDate" | "sentDate"; order: DateOrder }> = new Map([
  ["BEFORE", { at: "internalDate", order: "before" }],
  ["ON", { at: "internalDate", order: "on" }],
  ["SINCE", { at: "internalDate", order: "since" }],
  ["SENTBEFORE", { at: "sentDate", order: "before" }],
  ["SENTON", { at: "sentDate", order: "on" }],
  ["SENTSINCE", { at: "sentDate", order: "since" }],
]);
const addressFields = new Set(["BCC", "CC", "FROM", "SUBJECT", "TO"]);

const withArgument = new Set([
  ...dates.keys(),
  ...addressFields,
  ...["NOT", "OR", "UID", "KEYWORD", "UNKEYWORD", "LARGER", "SMALLER", "HEADER", "BODY", "TEXT"],
]);

/** Keys up to the end of the command, joined by AND. */
export function parseSearchKeys(parser: CommandParser): SearchKey {
  const budget = { keys: maxKeys };
  const keys = [parseKey(parser, budget, 0)];
  while (parser.peek() === " ") {
    parser.space();
    if (parser.isAtEnd) break;
    keys.push(parseKey(parser, budget, 0));
  }
  parser.end();
  return and(keys);
}

const and = (keys: readonly SearchKey[]): SearchKey => (keys.length === 1 && keys[0] ? keys[0] : { at: "and", keys });

function parseKey(parser: CommandParser, budget: { keys: number }, depth: number): SearchKey {
  if (--budget.keys < 0 || depth > maxNesting) throw new SyntaxFault("Search is too complex");
  if (parser.peek() === "(") return and(nonEmpty(parser.list(() => parseKey(parser, budget, depth + 1))));
  if (/^[\d*]$/.test(parser.peek())) return { at: "number", set: parser.sequenceSet() };
  const word = parser.atom().toUpperCase();
  const simple = fixed.get(word);
  if (simple) return simple;
  if (!withArgument.has(word)) throw new SyntaxFault("Unknown search key");
  parser.space();
  const date = dates.get(word);
  if (date) return { ...date, day: parser.date() };
  if (addressFields.has(word)) return { at: "header", field: word.toLowerCase(), needle: parseNeedle(parser) };
  switch (word) {
    case "NOT":
      return { at: "not", key: parseKey(parser, budget, depth + 1) };
    case "OR": {
      const first = parseKey(parser, budget, depth + 1);
      parser.space();
      return { at: "or", keys: [first, parseKey(parser, budget, depth + 1)] };
    }
    case "UID":
      return { at: "uid", set: parser.sequenceSet() };
    case "KEYWORD":
    case "UNKEYWORD":
      return { at: "flag", flag: parser.flag(), isSet: word === "KEYWORD" };
    case "LARGER":
    case "SMALLER":
      return { at: "size", isLarger: word === "LARGER", octets: parser.number() };
    case "HEADER": {
      const field = parser.astring().toLowerCase();
      parser.space();
      return { at: "header", field, needle: parseNeedle(parser) };
    }
    case "BODY":
    case "TEXT":
      return { at: word === "BODY" ? "body" : "text", needle: parseNeedle(parser) };
    default:
      throw new SyntaxFault("Unknown search key");
  }
}

function nonEmpty(keys: readonly SearchKey[]): readonly SearchKey[] {
  if (keys.length === 0) throw new SyntaxFault("Expected a search key");
  return keys;
}

/** Charsets that SEARCH takes are ASCII and UTF-8; one decoding serves both. */
const parseNeedle = (parser: CommandParser): string => fold(decodeRaw(parser.astring()));
