/** Search keys from the wire. Throws `SyntaxFault`; the number of keys and their nesting are bounded. */
import { foldText } from "postern/mail";
import { type CommandParser, maxNesting } from "../wire/command-parser.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import type { DecodeNeedle } from "./charset.ts";
import { loosen } from "./fuzzy.ts";
import type { EnvelopeField, SearchKey } from "./search-key.ts";

const maxKeys = 1000;

const fixed: ReadonlyMap<string, SearchKey> = new Map<string, SearchKey>([
  ["ALL", { at: "all" }],
  ...["Answered", "Deleted", "Draft", "Flagged", "Seen"].flatMap((name): [string, SearchKey][] => [
    [name.toUpperCase(), { at: "flag", flag: `\\${name}`, isSet: true }],
    [`UN${name.toUpperCase()}`, { at: "flag", flag: `\\${name}`, isSet: false }],
  ]),
  // RFC 9051 has no RECENT, OLD and NEW. Lenient: they mean the same there.
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
  // RFC 8514 4.3
  ["SAVEDATESUPPORTED", { at: "saveDateSupported" }],
]);

type Take = (parser: CommandParser, inner: Inner) => SearchKey;

/** What keys need that hold others. */
interface Inner {
  readonly decode: DecodeNeedle;
  readonly isFuzzy: boolean;
  key(): SearchKey;
}

const date =
  (at: "internalDate" | "saveDate" | "sentDate", order: "before" | "on" | "since"): Take =>
  (parser) => ({ at, order, day: parser.date() });

const envelope =
  (field: EnvelopeField): Take =>
  (parser, { decode }) => ({ at: "envelope", field, needle: needleOf(parser, decode) });

const text =
  (at: "body" | "text"): Take =>
  (parser, { decode }) => ({ at, needle: needleOf(parser, decode) });

const within =
  (isOlder: boolean): Take =>
  (parser) => {
    const seconds = parser.number();
    // RFC 5032 4: nz-number
    if (seconds === 0) throw new SyntaxFault("Expected a number above 0");
    return { at: "age", isOlder, seconds };
  };

const objectId =
  (of: "emailId" | "threadId"): Take =>
  (parser) => {
    const id = parser.astring();
    // RFC 8474 7: objectid
    if (!/^[A-Za-z0-9_-]{1,255}$/.test(id)) throw new SyntaxFault("Invalid object id");
    return { at: "objectId", of, id };
  };

const withArgument: ReadonlyMap<string, Take> = new Map<string, Take>([
  ["BEFORE", date("internalDate", "before")],
  ["ON", date("internalDate", "on")],
  ["SINCE", date("internalDate", "since")],
  ["SENTBEFORE", date("sentDate", "before")],
  ["SENTON", date("sentDate", "on")],
  ["SENTSINCE", date("sentDate", "since")],
  // RFC 8514 4.3
  ["SAVEDBEFORE", date("saveDate", "before")],
  ["SAVEDON", date("saveDate", "on")],
  ["SAVEDSINCE", date("saveDate", "since")],
  ["BCC", envelope("bcc")],
  ["CC", envelope("cc")],
  ["FROM", envelope("from")],
  ["SUBJECT", envelope("subject")],
  ["TO", envelope("to")],
  ["BODY", text("body")],
  ["TEXT", text("text")],
  // RFC 5032 2
  ["OLDER", within(true)],
  ["YOUNGER", within(false)],
  // RFC 8474 5
  ["EMAILID", objectId("emailId")],
  ["THREADID", objectId("threadId")],
  ["MODSEQ", takeModseq],
  ["HEADER", takeHeader],
  ["UID", (parser) => ({ at: "uid", set: parser.sequenceSet() })],
  ["KEYWORD", (parser) => ({ at: "flag", flag: parser.flag(), isSet: true })],
  ["UNKEYWORD", (parser) => ({ at: "flag", flag: parser.flag(), isSet: false })],
  ["LARGER", (parser) => ({ at: "size", isLarger: true, octets: parser.number() })],
  ["SMALLER", (parser) => ({ at: "size", isLarger: false, octets: parser.number() })],
  ["NOT", (_, inner) => ({ at: "not", key: inner.key() })],
  [
    "OR",
    (parser, inner) => {
      const first = inner.key();
      parser.space();
      return { at: "or", keys: [first, inner.key()] };
    },
  ],
  [
    // RFC 6203 3
    "FUZZY",
    (_, inner) => {
      const exact = inner.key();
      // A tree is made loose once.
      return inner.isFuzzy ? exact : { at: "fuzzy", exact, loose: loosen(exact) };
    },
  ],
]);

/** Keys up to the end of the command, joined by AND. */
export function parseSearchKeys(parser: CommandParser, decode: DecodeNeedle): SearchKey {
  const budget = { keys: maxKeys };
  const place = { decode, budget, depth: 0, isFuzzy: false };
  const keys = [parseKey(parser, place)];
  while (parser.peek() === " ") {
    parser.space();
    if (parser.isAtEnd) break;
    keys.push(parseKey(parser, place));
  }
  parser.end();
  return and(keys);
}

const and = (keys: readonly SearchKey[]): SearchKey => (keys.length === 1 && keys[0] ? keys[0] : { at: "and", keys });

interface Place {
  readonly decode: DecodeNeedle;
  readonly budget: { keys: number };
  readonly depth: number;
  readonly isFuzzy: boolean;
}

function parseKey(parser: CommandParser, { decode, budget, depth, isFuzzy }: Place): SearchKey {
  if (--budget.keys < 0 || depth > maxNesting) throw new SyntaxFault("Search is too complex");
  const inner = (fuzzy: boolean) => () => parseKey(parser, { decode, budget, depth: depth + 1, isFuzzy: fuzzy });
  const key = inner(isFuzzy);
  if (parser.peek() === "(") {
    const keys = parser.list(key);
    if (keys.length === 0) throw new SyntaxFault("Expected a search key");
    return and(keys);
  }
  if (/^[\d*$]$/.test(parser.peek())) return { at: "number", set: parser.sequenceSet() };
  const word = parser.atom().toUpperCase();
  const simple = fixed.get(word);
  if (simple) return simple;
  const take = withArgument.get(word);
  if (!take) throw new SyntaxFault("Unknown search key");
  parser.space();
  return take(parser, { decode, isFuzzy, key: inner(isFuzzy || word === "FUZZY") });
}

const needleOf = (parser: CommandParser, decode: DecodeNeedle): string => foldText(decode(parser.astring()));

/** RFC 5322 3.6 allows one of each: what the envelope has is all there is. */
const inEnvelope: ReadonlyMap<string, EnvelopeField> = new Map([
  ["subject", "subject"],
  ["message-id", "messageId"],
  ["in-reply-to", "inReplyTo"],
]);

function takeHeader(parser: CommandParser, { decode }: Inner): SearchKey {
  const field = parser.astring().toLowerCase();
  parser.space();
  const needle = needleOf(parser, decode);
  const known = inEnvelope.get(field);
  return known ? { at: "envelope", field: known, needle } : { at: "header", field, needle };
}

/** RFC 7162 3.1.5: `MODSEQ "/flags/\\Draft" all 620162338`. All metadata of a message have one modification sequence here. */
function takeModseq(parser: CommandParser): SearchKey {
  if (parser.peek() === '"') {
    const entry = parser.string().toLowerCase();
    if (!/^\/flags\/\\?[^\s(){%*"\\]+$/.test(entry)) throw new SyntaxFault("Invalid metadata item");
    parser.space();
    if (!["priv", "shared", "all"].includes(parser.atom().toLowerCase())) throw new SyntaxFault("Invalid entry type");
    parser.space();
  }
  return { at: "modseq", least: parser.number() };
}
