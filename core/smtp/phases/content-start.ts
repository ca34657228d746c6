/** Before the first octet of content: asks the hook `data`, then opens an intake. */

import { whenKnown } from "../../kernel/when-known.ts";
import { Content, type ContentOptions, type Framing, faultReply } from "../content.ts";
import type { Conversation, Transaction } from "../conversation.ts";
import type { Reply } from "../reply.ts";
import { standing } from "../standing-refusals.ts";
import { verdictToReply } from "../verdict-reply.ts";
import { logRefusal } from "./judge.ts";

export interface ContentWish<F extends Framing> {
  readonly framing: ContentOptions<F>["framing"];
  /** What the client says of the size where it did not say SIZE. */
  readonly sizeHintBytes: number | null;
}

/** The content, ready to be filled, or why there will be none. The transaction is left to the caller. */
export function openContent<F extends Framing>(
  conversation: Conversation,
  transaction: Transaction,
  wish: ContentWish<F>,
): Content<F> | Reply | Promise<Content<F> | Reply> {
  const { kernel } = conversation.parts;
  if (!kernel.hears("data")) return open(conversation, transaction, wish);
  const { draft } = transaction;
  return whenKnown(kernel.policy("data", draft.envelope), ({ verdict, by, changes }) => {
    if (changes.length > 0) draft.apply(changes);
    if (verdict.verdict !== "reject" && verdict.verdict !== "defer") return open(conversation, transaction, wish);
    const refusal = standing("data", verdict, by);
    const answer = verdictToReply("data", refusal, { utf8: transaction.isSmtpUtf8 });
    const { id, reversePath } = draft.envelope;
    const about = { id, from: reversePath?.toString() ?? "", recipients: transaction.admitted };
    logRefusal(conversation, refusal, { ...about, code: answer.code });
    return answer;
  });
}

function open<F extends Framing>(
  conversation: Conversation,
  transaction: Transaction,
  { framing, sizeHintBytes }: ContentWish<F>,
): Content<F> | Reply {
  const { draft, declaredBytes } = transaction;
  const { limits } = conversation.parts.config;
  try {
    const content = new Content({
      intake: draft.receive(declaredBytes ?? sizeHintBytes),
      limits,
      // RFC 3030 3: binary content has no line ends to mend; those of its header must be right
      lineEnds: draft.envelope.body === "binarymime" ? "reject" : (limits.bareLineEnds ?? conversation.role.lineEnds),
      framing,
    });
    transaction.content = content;
    return content;
  } catch (error) {
    conversation.log.error({ err: error, id: draft.envelope.id }, "no room for content");
    return faultReply(error);
  }
}
