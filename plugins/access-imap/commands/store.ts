/** STORE (RFC 3501 6.4.6) and UID STORE (6.4.8). */
import type { Flag, FlagChange, MessageEntry } from "postern/plugin";
import { numbersOf } from "../message-set.ts";
import { no, ok, type Reply } from "../reply.ts";
import type { WithSelected } from "../session.ts";
import { hasSameFlags } from "../view.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import type { SequenceSet } from "../wire/sequence-set.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import type { Writer } from "../wire/writer.ts";
import { defineCommand } from "./command.ts";

interface Arguments {
  readonly set: SequenceSet;
  readonly change: FlagChange;
  readonly isSilent: boolean;
}

const maxFlags = 128;

function parse(parser: CommandParser): Arguments {
  parser.space();
  const set = parser.sequenceSet();
  parser.space();
  const mode = parser.take("+") ? "add" : parser.take("-") ? "remove" : "replace";
  if (!parser.takeWord("FLAGS")) throw new SyntaxFault("Expected FLAGS");
  const isSilent = parser.takeWord(".SILENT");
  parser.space();
  const flags: Flag[] = [];
  const flag = () => {
    const name = parser.flag();
    // RFC 3501 2.3.2: \Recent cannot be altered by the client.
    if (name === "\\Recent") throw new SyntaxFault("\\Recent cannot be changed");
    if (flags.push(name) > maxFlags) throw new SyntaxFault("Too many flags");
  };
  if (parser.peek() === "(") parser.list(flag);
  else {
    // RFC 3501 9: the flags may stand without parentheses.
    flag();
    while (parser.peek() === " ") {
      parser.space();
      flag();
    }
  }
  parser.end();
  return { set, change: { mode, flags }, isSilent };
}

async function storeFlags(
  { selected, out }: WithSelected & { readonly out: Writer },
  { set, change, isSilent }: Arguments,
  isUid: boolean,
): Promise<Reply> {
  const { view, mailbox } = selected;
  const numbers = numbersOf(view, set, isUid);
  if (mailbox.isReadOnly) return no("Mailbox is read-only", "READ-ONLY");
  const known = new Map<number, MessageEntry>();
  let isComplete = true;
  for (const number of numbers) {
    if (view.isGhost(number)) isComplete = false;
    else known.set(number, view.entry(number));
  }
  if (known.size > 0) {
    await mailbox.store(
      [...known.values()].map(({ uid }) => uid),
      change,
    );
    await selected.adopt();
    selected.tellNewKeywords(out);
  }
  for (const [number, before] of known) {
    if (view.isGhost(number)) {
      isComplete = false;
      continue;
    }
    const entry = view.entry(number);
    view.tellFlags(entry.uid);
    // RFC 3501 6.4.6: .SILENT means that the client works the result out; it must hear what it could not know.
    if (isSilent && hasSameFlags(entry.flags, changed(before.flags, change))) continue;
    out.line(`* ${number} FETCH (${isUid ? `UID ${entry.uid} ` : ""}${selected.formatFlags(entry)})`);
    const wait = out.flushIfFull();
    if (wait) await wait;
  }
  // RFC 2180 4.2.1
  if (!isComplete && !isUid) return no("Some of the messages no longer exist", "EXPUNGEISSUED");
  return ok("Store completed");
}

function changed(flags: ReadonlySet<Flag>, { mode, flags: changes }: FlagChange): ReadonlySet<Flag> {
  if (mode === "replace") return new Set(changes);
  const result = new Set(flags);
  for (const flag of changes) {
    if (mode === "add") result.add(flag);
    else result.delete(flag);
  }
  return result;
}

export const store = defineCommand({
  validIn: "selected",
  mayExpunge: false,
  parse,
  run: ({ selected, mailboxes, session }, args: Arguments) =>
    storeFlags({ selected, mailboxes, out: session.out }, args, false),
});

export const uidStore = defineCommand({
  validIn: "selected",
  parse,
  run: ({ selected, mailboxes, session }, args: Arguments) =>
    storeFlags({ selected, mailboxes, out: session.out }, args, true),
});
