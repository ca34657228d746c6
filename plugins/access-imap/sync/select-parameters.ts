/** Parameters of SELECT and EXAMINE (RFC 4466 2.1): CONDSTORE and QRESYNC (RFC 7162). Each stands at most once. */
import type { CommandParser } from "../wire/command-parser.ts";
import type { SequenceSet } from "../wire/sequence-set.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { parseModseq } from "./modseq.ts";

/** What the client knew of the mailbox when it saw it last (RFC 7162 3.2.5). */
export interface Qresync {
  readonly uidValidity: number;
  readonly modseq: number;
  /** `null`: all of them. */
  readonly knownUids: SequenceSet | null;
  /** A sample: these numbers were the messages with these UIDs. */
  readonly match: { readonly numbers: SequenceSet; readonly uids: SequenceSet } | null;
}

export interface SelectParameters {
  readonly isCondstore: boolean;
  readonly qresync: Qresync | null;
}

/** Behind the name of the mailbox, up to the end of the command. */
export function parseSelectParameters(parser: CommandParser): SelectParameters {
  let isCondstore = false;
  let qresync: Qresync | null = null;
  if (parser.isAtEnd) return { isCondstore, qresync };
  parser.space();
  if (parser.isAtEnd) return { isCondstore, qresync }; // Lenient: blanks at the end of a line (imaplib).
  parser.list(() => {
    const name = parser.atom().toUpperCase();
    if (name === "CONDSTORE" && !isCondstore) isCondstore = true;
    else if (name === "QRESYNC" && !qresync) qresync = parseQresync(parser);
    else throw new SyntaxFault("Unknown parameter");
  });
  parser.end();
  return { isCondstore, qresync };
}

/** RFC 7162 7: `(uidvalidity modseq [known-uids] [(known-sequence-set known-uid-set)])` */
function parseQresync(parser: CommandParser): Qresync {
  parser.space();
  parser.expect("(");
  const uidValidity = parser.number();
  if (uidValidity === 0 || uidValidity > 0xffffffff) throw new SyntaxFault("Invalid UIDVALIDITY");
  parser.space();
  const modseq = parseModseq(parser);
  let knownUids: SequenceSet | null = null;
  let match: Qresync["match"] = null;
  if (parser.peek() === " ") {
    parser.space();
    if (parser.peek() !== "(") {
      knownUids = plainSet(parser);
      if (parser.peek() === " ") parser.space();
    }
    if (parser.take("(")) {
      const numbers = plainSet(parser);
      parser.space();
      match = { numbers, uids: plainSet(parser) };
      parser.expect(")");
    }
  }
  parser.expect(")");
  return { uidValidity, modseq, knownUids, match };
}

/** RFC 7162 7: "*" is not allowed in these. */
function plainSet(parser: CommandParser): SequenceSet {
  const set = parser.sequenceSet();
  if (set.hasStar || set.isSaved) throw new SyntaxFault("No * in what is known");
  return set;
}
