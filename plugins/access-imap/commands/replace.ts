/**
 * REPLACE and UID REPLACE (RFC 8508): a message comes in, and only then the one that it stands for goes. Drafts are saved so. A crash between
 * the two leaves both.
 */
import { deliver } from "../append/deliver.ts";
import { isMessageNext } from "../append/message-start.ts";
import { canonicalName } from "../mailbox-name.ts";
import { bad, no, ok, type Reply } from "../reply.ts";
import type { WithSelected } from "../session.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { type Invocation, withUidForm } from "./command.ts";

interface Arguments {
  readonly number: number;
  readonly name: string;
  readonly parser: CommandParser;
}

function parse(parser: CommandParser): Arguments {
  parser.space();
  const star = parser.take("*");
  const number = star ? 0 : parser.number();
  if (number === 0 && !star) throw new SyntaxFault("Expected a message number");
  parser.space();
  return { number: star ? Number.POSITIVE_INFINITY : number, name: canonicalName(parser.mailbox()), parser };
}

async function replaceMessage(
  { session, mailboxes, selected, literal }: Invocation & WithSelected,
  { number, name, parser }: Arguments,
  isUid: boolean,
): Promise<Reply | null> {
  const { view, mailbox } = selected;
  await selected.sync();
  const asked = number === Number.POSITIVE_INFINITY ? (isUid ? view.lastUid : view.exists) : number;
  const sequence = isUid ? view.numberOf(asked) : asked;
  const uid = sequence >= 1 && sequence <= view.exists ? view.entry(sequence).uid : 0;
  const result = await deliver({
    session,
    mailboxes,
    literal,
    name,
    parser,
    maxMessages: 1,
    refuse: () => {
      if (uid === 0) return isUid ? no("No such message", "NONEXISTENT") : bad("Invalid message sequence number");
      if (view.isGhost(sequence)) return no("The message no longer exists", "EXPUNGEISSUED");
      return mailbox.isReadOnly ? no("Mailbox is read-only", "READ-ONLY") : null;
    },
  });
  if (result.at === "gone") return null;
  if (result.at === "refused") return result.reply;
  // RFC 8508 4.3: untagged, before the EXPUNGE of the message that it stands for.
  if (result.appendUid) session.out.line(`* OK [${result.appendUid}] Replacement message is there`);
  await mailbox.store([uid], { mode: "add", flags: ["\\Deleted"] });
  await mailbox.expunge([uid]);
  await selected.adopt();
  return ok("Replace completed");
}

const wantsStream = (parser: CommandParser): boolean => {
  parse(parser);
  return isMessageNext(parser);
};

export const [replace, uidReplace] = withUidForm({ wantsStream, parse, run: replaceMessage });
