/** Entries of METADATA (RFC 5464 5): their names as they are asked for, and values as they are sent. */
import { annotationName } from "postern/mail";
import type { CommandParser } from "../wire/command-parser.ts";
import { formatAstring, formatString } from "../wire/format.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";

/** Names in one command. */
const maxEntries = 200;

/** Where the two trees begin: no entries themselves, but something may be asked for below them. */
const roots: ReadonlySet<string> = new Set(["/private", "/shared"]);

/** RFC 5464 3.2: names are compared without regard to case, so they come in lower case. */
export function parseEntry(parser: CommandParser): string {
  const name = annotationName(parser.astring());
  if (name === null) throw new SyntaxFault("Invalid entry name");
  return name;
}

export function parseEntryPath(parser: CommandParser): string {
  const path = parser.astring();
  const name = annotationName(path) ?? path.toLowerCase();
  if (annotationName(name) === null && !roots.has(name)) throw new SyntaxFault("Invalid entry name");
  return name;
}

/** One, or several in parentheses. */
export function parseEntries(parser: CommandParser): readonly string[] {
  return distinct(parser.peek() === "(" ? parser.list(() => parseEntry(parser)) : [parseEntry(parser)]);
}

/** In the order of the command, each once. */
export function distinct(names: readonly string[]): readonly string[] {
  if (names.length === 0) throw new SyntaxFault("Expected entry names");
  if (names.length > maxEntries) throw new SyntaxFault("Too many entry names");
  return [...new Set(names)];
}

/** `/private/comment "mine" /shared/comment NIL` */
export const formatEntries = (entries: Iterable<readonly [name: string, value: Uint8Array | null]>): string =>
  [...entries].map(([name, value]) => `${formatAstring(name)} ${formatValue(value)}`).join(" ");

/** RFC 5464 5: value = nstring / literal8. */
function formatValue(value: Uint8Array | null): string {
  if (value === null) return "NIL";
  const octets = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("latin1");
  return octets.includes("\0") ? `~{${octets.length}}\r\n${octets}` : formatString(octets);
}
