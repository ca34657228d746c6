/** GETMETADATA (RFC 5464 4.2): annotations of a mailbox, or of the server where its name is empty. */
import { canonicalName, existingName } from "../mailbox-name.ts";
import { distinct, formatEntries, parseEntryPath } from "../metadata/entries.ts";
import { allMailboxEntries, allServerEntries, specialUseOf } from "../metadata/read.ts";
import { ok } from "../reply.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { defineCommand } from "./command.ts";

interface Options {
  /** Octets; values that are larger are not sent. */
  maxSize: number;
  /** Levels below what is asked for. */
  depth: number;
}

export const getMetadata = defineCommand({
  validIn: "authenticated",
  parse(parser) {
    const options: Options = { maxSize: Number.POSITIVE_INFINITY, depth: 0 };
    parser.space();
    if (parser.peek() === "(") {
      parser.list(() => parseOption(parser, options));
      parser.space();
    }
    const name = canonicalName(parser.mailbox());
    parser.space();
    const paths = parsePaths(parser, options);
    parser.end();
    return { name, options, paths };
  },
  async run({ session, mailboxes }, { name: given, options, paths }) {
    const name = given === "" ? "" : await existingName(mailboxes, given);
    const all =
      name === ""
        ? await allServerEntries(mailboxes, session.services)
        : await allMailboxEntries(mailboxes, { name, specialUse: await specialUseOf(mailboxes, name) });
    const found = new Map<string, Uint8Array | null>();
    // RFC 5464 4.2.1: the size of the largest one that is not sent.
    let longest = 0;
    for (const path of paths) {
      for (const [entry, value] of all) {
        if (!isWithin(entry, path, options.depth)) continue;
        if (value.length > options.maxSize) longest = Math.max(longest, value.length);
        else found.set(entry, value);
      }
      // What was asked for by its name and is not set.
      if (options.depth === 0 && !all.has(path)) found.set(path, null);
    }
    if (found.size > 0) session.out.line(`* METADATA ${session.formatName(name)} (${formatEntries(found)})`);
    return ok("Getmetadata completed", longest > 0 ? `METADATA LONGENTRIES ${longest}` : null);
  },
});

/** RFC 5464 4.2.2 */
function isWithin(entry: string, path: string, depth: number): boolean {
  if (entry === path) return true;
  return entry.startsWith(`${path}/`) && entry.slice(path.length).split("/").length - 1 <= depth;
}

function parseOption(parser: CommandParser, options: Options): void {
  const option = parser.atom().toUpperCase();
  parser.space();
  if (option === "MAXSIZE") {
    options.maxSize = parser.number();
    return;
  }
  if (option !== "DEPTH") throw new SyntaxFault("Unknown GETMETADATA option");
  const depth = { "0": 0, "1": 1, infinity: Number.POSITIVE_INFINITY }[parser.atom().toLowerCase()];
  if (depth === undefined) throw new SyntaxFault("DEPTH is 0, 1 or infinity");
  options.depth = depth;
}

function parsePaths(parser: CommandParser, options: Options): readonly string[] {
  const paths: string[] = [];
  if (parser.peek() === "(") {
    let hasOptions = false;
    parser.list(() => {
      if (/^[A-Za-z]$/.test(parser.peek())) {
        hasOptions = true;
        parseOption(parser, options);
      } else paths.push(parseEntryPath(parser));
    });
    if (!hasOptions) return distinct(paths);
    // Lenient: the examples of RFC 5464 4.2.1 have the options behind the name of the mailbox, its grammar before it.
    if (paths.length > 0) throw new SyntaxFault("Options and entry names stand apart");
    parser.space();
    return parsePaths(parser, options);
  }
  paths.push(parseEntryPath(parser));
  // Lenient: the examples of RFC 5464 4.4.1 have several without parentheses.
  while (parser.peek() === " ") {
    parser.space();
    if (parser.isAtEnd) break;
    paths.push(parseEntryPath(parser));
  }
  return distinct(paths);
}
