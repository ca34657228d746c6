/** DATA (RFC 5321 4.1.1.4): the hook `data` may still refuse; behind 354 the bridge reads content. */

import { whenKnown } from "../../kernel/when-known.ts";
import type { Answer, Conversation } from "../conversation.ts";
import { DotScanner } from "../dot-scanner.ts";
import { mailFirst, noParameters, noRecipients, noRecipientsLmtp, rcptFirst, startContent } from "../replies.ts";
import { reply } from "../reply.ts";
import { endContent } from "./content-end.ts";
import { openContent } from "./content-start.ts";

// RFC 3030 2: not in the same transaction
const behindChunk = reply(503, "5.5.1", "DATA cannot follow BDAT in the same transaction");
// RFC 3030 3
const isBinary = reply(503, "5.5.1", "BODY=BINARYMIME needs BDAT");

const byDots = (onPiece: (piece: Buffer) => void): DotScanner => new DotScanner(onPiece);

export function data(conversation: Conversation, argument: string): Answer | Promise<Answer> {
  const { role, transaction } = conversation;
  if (argument.trim() !== "") return noParameters;
  if (transaction === null) return mailFirst;
  if (transaction.content !== null || transaction.discards !== null) return behindChunk;
  if (transaction.offered === 0) return rcptFirst;
  if (transaction.admitted === 0) return role.isLmtp ? noRecipientsLmtp : noRecipients;
  if (transaction.draft.envelope.body === "binarymime") return isBinary;
  return whenKnown(openContent(conversation, transaction, { framing: byDots, sizeHintBytes: null }), (opened) => {
    if ("wire" in opened) {
      conversation.endTransaction();
      return opened;
    }
    conversation.receive(opened, () => endContent(conversation, opened));
    return startContent;
  });
}
