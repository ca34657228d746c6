/** DATA (RFC 5321 4.1.1.4): the hook `data` may still refuse; behind 354 the bridge reads content. */
import type { Intake } from "../../contracts/submit.ts";
import { Content, faultReply } from "../content.ts";
import type { Answer, Conversation, Transaction } from "../conversation.ts";
import { mailFirst, noParameters, startContent } from "../replies.ts";
import { type Reply, reply } from "../reply.ts";
import { standing } from "../standing-refusals.ts";
import { verdictToReply } from "../verdict-reply.ts";
import { whenKnown } from "../when-known.ts";
import { logRefusal } from "./judge.ts";

const rcptFirst = reply(503, "5.5.1", "Need RCPT first");
// RFC 5321 3.3; RFC 2033 4.2 asks LMTP for 503
const noRecipients = reply(554, "5.5.1", "No valid recipients");
const noRecipientsLmtp = reply(503, "5.5.1", "No valid recipients");

export function data(conversation: Conversation, argument: string): Answer | Promise<Answer> {
  const { parts, role, transaction } = conversation;
  if (argument.trim() !== "") return noParameters;
  if (transaction === null) return mailFirst;
  if (transaction.offered === 0) return rcptFirst;
  if (transaction.admitted === 0) return role.isLmtp ? noRecipientsLmtp : noRecipients;
  if (!parts.kernel.hears("data")) return receive(conversation, transaction);
  const { draft } = transaction;
  return whenKnown(parts.kernel.policy("data", draft.envelope), ({ verdict, by, changes }) => {
    if (changes.length > 0) draft.apply(changes);
    if (verdict.verdict !== "reject" && verdict.verdict !== "defer") return receive(conversation, transaction);
    const refusal = standing("data", verdict, by);
    const answer = verdictToReply("data", refusal, { utf8: transaction.isSmtpUtf8 });
    logRefusal(conversation, refusal, { id: draft.envelope.id, code: answer.code });
    conversation.endTransaction();
    return answer;
  });
}

function receive(conversation: Conversation, { draft, declaredBytes }: Transaction): Reply {
  let intake: Intake;
  try {
    intake = draft.receive(declaredBytes);
  } catch (error) {
    conversation.log.error({ err: error, id: draft.envelope.id }, "no room for content");
    conversation.endTransaction();
    return faultReply(error);
  }
  conversation.content = new Content({
    intake,
    limits: conversation.parts.config.limits,
    lineEnds: conversation.role.lineEnds,
  });
  return startContent;
}
