/** What FETCH is asked for (RFC 3501 6.4.5). */
import type { CommandParser } from "../wire/command-parser.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { parseSection, type Section } from "./section.ts";

export type FetchItem =
  | { readonly item: "flags" | "modseq" | "internalDate" | "size" | "uid" | "envelope" | "body" | "bodyStructure" }
  | {
      readonly item: "section";
      readonly section: Section;
      readonly partial: { readonly start: number; readonly length: number } | null;
      /** `BODY.PEEK`, RFC822.HEADER: \Seen stays as it is. */
      readonly isPeek: boolean;
      /** What the response calls it, where it is not `BODY[...]`. */
      readonly label: string | null;
    };

const maxItems = 200;
const simple = (item: Exclude<FetchItem["item"], "section">): FetchItem => ({ item });
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
]);
const macros: ReadonlyMap<string, readonly FetchItem[]> = new Map([
  ["FAST", fast],
  ["ALL", [...fast, simple("envelope")]],
  ["FULL", [...fast, simple("envelope"), simple("body")]],
]);

/** One item, a macro, or a list of items; without those asked for twice. */
export function parseFetchItems(parser: CommandParser): readonly FetchItem[] {
  const items: FetchItem[] = [];
  // RFC 3501 6.4.5: a macro stands alone. Lenient: some clients put one into parentheses.
  if (parser.peek() === "(") parser.list(() => items.push(...parseItem(parser)));
  else items.push(...parseItem(parser));
  if (items.length === 0) throw new SyntaxFault("Expected items to fetch");
  if (items.length > maxItems) throw new SyntaxFault("Too many items to fetch");
  return items.filter(
    (item, index) => item.item === "section" || items.findIndex(({ item: other }) => other === item.item) === index,
  );
}

function parseItem(parser: CommandParser): readonly FetchItem[] {
  const isPeek = parser.takeWord("BODY.PEEK[");
  if (isPeek || parser.takeWord("BODY[")) {
    const section = parseSection(parser);
    return [{ item: "section", section, partial: parsePartial(parser), isPeek, label: null }];
  }
  const word = parser.atom().toUpperCase();
  const items = words.get(word) ?? macros.get(word);
  if (!items) throw new SyntaxFault("Unknown item to fetch");
  return items;
}

/** `<start.length>` */
function parsePartial(parser: CommandParser): { start: number; length: number } | null {
  if (!parser.take("<")) return null;
  const start = parser.number();
  parser.expect(".");
  const length = parser.number();
  if (length === 0) throw new SyntaxFault("Invalid partial fetch");
  parser.expect(">");
  return { start, length };
}
