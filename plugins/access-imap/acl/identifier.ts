/**
 * Identifiers of RFC 4314 2 on the wire: logins as they are, `anyone`, `authenticated`, `owner`; groups as Dovecot writes them: `$name`, and
 * `!$name` where the group goes before its members. A leading `-` takes rights away.
 */
import type { AclEntry } from "postern/plugin";
import { canonicalName } from "../mailbox-name.ts";
import type { ImapSession } from "../session.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import { formatAstring, formatUtf8 } from "../wire/format.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";

export type Identifier = Pick<AclEntry, "subject" | "isNegative">;

const words: ReadonlySet<string> = new Set(["anyone", "authenticated", "owner"]);
const prefixes = [
  ["!$", "group-override="],
  ["$", "group="],
] as const;

function parseIdentifier(parser: CommandParser): Identifier {
  const octets = Buffer.from(parser.astring(), "latin1");
  const text = octets.toString("utf8");
  // RFC 4314 3: UTF-8, and nothing that no login has.
  if (/[\p{Cc}\ufffd]/u.test(text)) throw new SyntaxFault("Identifier is no text");
  const isNegative = text.startsWith("-");
  const name = isNegative ? text.slice(1) : text;
  if (name === "") throw new SyntaxFault("Expected an identifier");
  if (words.has(name)) return { subject: name, isNegative };
  const [prefix, kind] = prefixes.find(([sign]) => name.startsWith(sign)) ?? ["", "user="];
  return { subject: kind + name.slice(prefix.length), isNegative };
}

/** What SETACL, DELETEACL and LISTRIGHTS begin with: a mailbox, and whom it is about. */
export function parseMailboxAndIdentifier(parser: CommandParser): {
  readonly name: string;
  readonly identifier: Identifier;
} {
  parser.space();
  const name = canonicalName(parser.mailbox());
  parser.space();
  return { name, identifier: parseIdentifier(parser) };
}

export function formatIdentifier({ subject, isNegative }: Identifier, session: ImapSession): string {
  const [prefix, kind] = prefixes.find(([, one]) => subject.startsWith(one)) ?? ["", "user="];
  const name = subject.startsWith(kind) ? prefix + subject.slice(kind.length) : subject;
  const text = (isNegative ? "-" : "") + name;
  return session.isUtf8 ? formatUtf8(text) : formatAstring(Buffer.from(text, "utf8").toString("latin1"));
}
