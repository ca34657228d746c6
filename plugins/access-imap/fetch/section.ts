/** Sections of messages: `BODY[2.1.HEADER.FIELDS (From)]<0.100>` (RFC 3501 6.4.5), and which octets they mean. */
import type { OctetRange, Structure } from "postern/mail";
import type { CommandParser } from "../wire/command-parser.ts";
import { formatAstring } from "../wire/format.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";

export type SectionText =
  | { readonly at: "all" }
  | { readonly at: "header" }
  | { readonly at: "text" }
  | { readonly at: "mime" }
  | Fields;

export interface Fields {
  readonly at: "fields";
  /** As the client wrote them. */
  readonly names: readonly string[];
  readonly isNot: boolean;
}

export interface Section {
  readonly path: readonly number[];
  readonly text: SectionText;
}

const maxPath = 100;
const maxFields = 256;

/** Behind `BODY[`, up to and with `]`. */
export function parseSection(parser: CommandParser): Section {
  const path: number[] = [];
  while (/^\d$/.test(parser.peek())) {
    const number = parser.number();
    // RFC 3501 9: nz-number
    if (number === 0 || path.push(number) > maxPath) throw new SyntaxFault("Invalid section");
    if (!parser.take(".")) {
      parser.expect("]");
      return { path, text: { at: "all" } };
    }
  }
  const text = parseSectionText(parser, path.length > 0);
  parser.expect("]");
  return { path, text };
}

/** Behind `BINARY[`, up to and with `]`: numbers only (RFC 3516 7). */
export function parseBinarySection(parser: CommandParser): readonly number[] {
  const { path, text } = parseSection(parser);
  if (text.at !== "all") throw new SyntaxFault("Invalid section");
  return path;
}

function parseSectionText(parser: CommandParser, hasPath: boolean): SectionText {
  if (parser.takeWord("HEADER.FIELDS")) {
    const isNot = parser.takeWord(".NOT");
    parser.space();
    const names = parser.list(() => parser.astring());
    if (names.length === 0 || names.length > maxFields) throw new SyntaxFault("Invalid list of header fields");
    return { at: "fields", names, isNot };
  }
  if (parser.takeWord("HEADER")) return { at: "header" };
  if (parser.takeWord("TEXT")) return { at: "text" };
  if (hasPath && parser.takeWord("MIME")) return { at: "mime" };
  if (!hasPath && parser.peek() === "]") return { at: "all" };
  throw new SyntaxFault("Invalid section");
}

/** As it is told in the response: numbers and words as above, field names as the client wrote them. */
export function formatSection({ path, text }: Section): string {
  return [...path, ...(text.at === "all" ? [] : [formatSectionText(text)])].join(".");
}

function formatSectionText(text: Exclude<SectionText, { at: "all" }>): string {
  if (text.at !== "fields") return text.at.toUpperCase();
  return `HEADER.FIELDS${text.isNot ? ".NOT" : ""} (${text.names.map(formatAstring).join(" ")})`;
}

/** The octets; of `fields`, the header that they are taken from. `null`: there is no such part. */
export function locate({ path, text }: Section, root: Structure): OctetRange | null {
  if (path.length === 0) return locateInMessage(text, root);
  const part = partAt(path, root);
  if (part === null) return null;
  if (text.at === "all") return part.body;
  if (text.at === "mime") return part.header;
  // RFC 3501 6.4.5: HEADER and TEXT of a part are those of the message that it holds.
  return part.message ? locateInMessage(text, part.message) : null;
}

function locateInMessage(text: SectionText, message: Structure): OctetRange {
  if (text.at === "text") return message.body;
  if (text.at === "all") return { start: message.header.start, length: message.header.length + message.body.length };
  return message.header;
}

/** RFC 3501 6.4.5: every message has a part 1; a message in a message is numbered through. */
export function partAt(path: readonly number[], root: Structure): Structure | null {
  let container: Structure | null = root;
  let part: Structure | null = null;
  for (const number of path) {
    part = container && childAt(container, number);
    if (part === null) return null;
    container = part.message ?? (part.type === "multipart" ? part : null);
  }
  return part;
}

/** Part `number` of a message or multipart: what is no multipart has itself as part 1. */
function childAt(container: Structure, number: number): Structure | null {
  if (container.type === "multipart") return container.children[number - 1] ?? null;
  return number === 1 ? container : null;
}
