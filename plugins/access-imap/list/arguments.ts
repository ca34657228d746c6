/** Arguments of LIST and LSUB: a reference and a pattern (RFC 3501 6.3.8). */
import type { CommandParser } from "../wire/command-parser.ts";

export interface ListArguments {
  /** `null` matches nothing: it is no name. */
  readonly reference: string | null;
  readonly pattern: string | null;
}

export function parseListArguments(parser: CommandParser): ListArguments {
  parser.space();
  const reference = parser.decodeName(parser.astring());
  parser.space();
  const pattern = parser.decodeName(parser.listMailbox());
  parser.end();
  return { reference, pattern };
}
