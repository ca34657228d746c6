/** Rights on the wire (RFC 4314 2.1, 2.1.1). */
import { formatWithObsolete, parseRights, type Rights } from "postern/mail";
import type { CommandParser } from "../wire/command-parser.ts";
import { formatAstring } from "../wire/format.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";

export interface RightsChange {
  readonly mode: "add" | "remove" | "replace";
  readonly rights: Rights;
}

/** RFC 4314 3.1: with `+` or `-` in front; BAD for letters that are no rights here. */
export function parseRightsChange(parser: CommandParser): RightsChange {
  const text = parser.astring();
  const mode = text.startsWith("+") ? "add" : text.startsWith("-") ? "remove" : "replace";
  const rights = parseRights(mode === "replace" ? text : text.slice(1));
  if (rights === null) throw new SyntaxFault("Unknown right");
  return { mode, rights };
}

/** RFC 4314 2.1.1: c and d for older clients, in ACL and MYRIGHTS. */
export const formatRightsList = (rights: Rights): string => formatAstring(formatWithObsolete(rights));
