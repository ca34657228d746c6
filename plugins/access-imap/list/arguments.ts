/** Arguments of LIST and LSUB: a reference and a pattern (RFC 3501 6.3.8). */
import type { CommandParser } from "../wire/command-parser.ts";
import { decodeMailboxName } from "../wire/modified-utf7.ts";

export interface ListArguments {
  /** `null` matches nothing: it is no modified UTF-7. */
  readonly reference: string | null;
  readonly pattern: string | null;
}

export function parseListArguments(parser: CommandParser): ListArguments {
  parser.space();
  const reference = decodeMailboxName(parser.astring());
  parser.space();
  const pattern = decodeMailboxName(parser.listMailbox());
  parser.end();
  return { reference, pattern };
}
