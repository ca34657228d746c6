/** What FETCH is asked for (RFC 3501 6.4.5, RFC 9051 6.4.5), extensions included. */
import type { CommandParser } from "../wire/command-parser.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { formatSection, parseBinarySection, parseSection, type Section } from "./section.ts";

export interface Partial {
  readonly start: number;
  readonly length: number;
}

type SimpleItem =
  | "flags"
  | "modseq"
  | "internalDate"
  | "saveDate"
  | "size"
  | "uid"
  | "envelope"
  | "body"
  | "bodyStructure"
  | "emailId"
  | "threadId";

export type FetchItem =
  | { readonly item: SimpleItem }
  /** RFC 8970; lazy: only where it costs nothing. */
  | { readonly item: "preview"; readonly isLazy: boolean }
  | {
      readonly item: "section";
      readonly section: Section;
      readonly partial: Partial | null;
      /** `BODY.PEEK`, RFC822.HEADER: \Seen stays as it is. */
      readonly isPeek: boolean;
      /** What the response calls it. */
      readonly label: string;
    }
  /** RFC 3516 */
  | {
      readonly item: "binary";
      readonly path: readonly number[];
      readonly partial: Partial | null;
      readonly isPeek: boolean;
    }
  | { readonly item: "binarySize"; readonly path: readonly number[] };

const maxItems = 200;
const simple = (item: SimpleItem): FetchItem => ({ item });
const rfc822 = (label: string, at: "all" | "header" | "text", isPeek: boolean): FetchItem => ({
  item: "section",
  section: { path: [], text: { at } },
  partial: null,
  isPeek,
  label,
});

const fast = [simple("flags"), simple("internalDate"), simple("size")];
const words: ReadonlyMap<string, readonly FetchItem[]> = new Map([
  ["ENVELOPE", [simple("envelope")]],
  ["FLAGS", [simple("flags")]],
  ["INTERNALDATE", [simple("internalDate")]],
  ["MODSEQ", [simple("modseq")]],
  ["UID", [simple("uid")]],
  ["BODYSTRUCTURE", [simple("bodyStructure")]],
  ["BODY", [simple("body")]],
  ["RFC822", [rfc822("RFC822", "all", false)]],
  ["RFC822.SIZE", [simple("size")]],
  ["RFC822.HEADER", [rfc822("RFC822.HEADER", "header", true)]],
  ["RFC822.TEXT", [rfc822("RFC822.TEXT", "text", false)]],
  // RFC 8514 4.2
  ["SAVEDATE", [simple("saveDate")]],
  // RFC 8474 5
  ["EMAILID", [simple("emailId")]],
  ["THREADID", [simple("threadId")]],
]);
const macros: ReadonlyMap<string, readonly FetchItem[]> = new Map([
  ["FAST", fast],
  ["ALL", [...fast, simple("envelope")]],
  ["FULL", [...fast, simple("envelope"), simple("body")]],
]);

/** One item, a macro, or a list of items; without those asked for twice. */
export function parseFetchItems(parser: CommandParser): readonly FetchItem[] {
  const items: FetchItem[] = [];
  // RFC 3501 6.4.5: a macro stands alone. Lenient: scripts over imaplib put all items into parentheses, as its examples do.
  if (parser.peek() === "(") parser.list(() => items.push(...parseItem(parser)));
  else items.push(...parseItem(parser));
  if (items.length === 0) throw new SyntaxFault("Expected items to fetch");
  if (items.length > maxItems) throw new SyntaxFault("Too many items to fetch");
  return items.filter(
    (item, index) =>
      "partial" in item || "path" in item || items.findIndex((other) => other.item === item.item) === index,
  );
}

function parseItem(parser: CommandParser): readonly FetchItem[] {
  const isPeek = parser.takeWord("BODY.PEEK[");
  if (isPeek || parser.takeWord("BODY[")) {
    const section = parseSection(parser);
    const label = `BODY[${formatSection(section)}]`;
    return [{ item: "section", section, partial: parsePartial(parser), isPeek, label }];
  }
  const isBinaryPeek = parser.takeWord("BINARY.PEEK[");
  if (isBinaryPeek || parser.takeWord("BINARY[")) {
    const path = parseBinarySection(parser);
    return [{ item: "binary", path, partial: parsePartial(parser), isPeek: isBinaryPeek }];
  }
  if (parser.takeWord("BINARY.SIZE[")) return [{ item: "binarySize", path: parseBinarySection(parser) }];
  const word = parser.atom().toUpperCase();
  // RFC 8970 6: `LAZY` is the one modifier that there is.
  if (word === "PREVIEW") return [{ item: "preview", isLazy: parser.takeWord(" (LAZY)") }];
  const items = words.get(word) ?? macros.get(word);
  if (!items) throw new SyntaxFault("Unknown item to fetch");
  return items;
}

/** `<start.length>` */
function parsePartial(parser: CommandParser): Partial | null {
  if (!parser.take("<")) return null;
  const start = parser.number();
  parser.expect(".");
  const length = parser.number();
  if (length === 0) throw new SyntaxFault("Invalid partial fetch");
  parser.expect(">");
  return { start, length };
}
