/** Modification sequences on the wire (RFC 7162 7): up to 63 bits. Those of this server fit a double; what is greater is as good as the greatest. */
import type { CommandParser } from "../wire/command-parser.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";

const maxModseq = 2n ** 63n - 1n;

/** mod-sequence-value. */
export function parseModseq(parser: CommandParser): number {
  const modseq = parseModseqOrZero(parser);
  if (modseq === 0) throw new SyntaxFault("Invalid modification sequence");
  return modseq;
}

/** mod-sequence-valzer. */
export function parseModseqOrZero(parser: CommandParser): number {
  const digits = parser.atom();
  if (!/^\d{1,19}$/.test(digits) || BigInt(digits) > maxModseq) throw new SyntaxFault("Invalid modification sequence");
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}
