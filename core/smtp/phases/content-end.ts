/**
 * Behind the dot or the last chunk: submits what came, and answers. 250 is said only after `Submit` has promised to keep the message; whatever
 * goes wrong before is a 4xx, and nothing is kept. LMTP answers for each recipient (RFC 2033 4.2).
 */
import type { Refused, Submitted } from "../../contracts/submit.ts";
import { type Content, faultReply } from "../content.ts";
import type { Answer, Conversation, Transaction } from "../conversation.ts";
import { localError } from "../replies.ts";
import { type Reply, reply, together } from "../reply.ts";
import { verdictToReply } from "../verdict-reply.ts";

const perRecipient = reply(353, null, "A reply for each recipient follows");

export async function endContent(conversation: Conversation, content: Content): Promise<Answer> {
  const { transaction } = conversation;
  if (transaction === null) return localError;
  // The envelope is the draft's now; what the client says next is another transaction's.
  conversation.transaction = null;
  conversation.refusals.forget("mailFrom");
  try {
    content.finish();
    const waiting = content.takeWaiting();
    if (waiting !== null) await waiting;
    if (content.problem !== null) return refuseAll(conversation, transaction, content, content.problem, null);
    const submitted = await submit(conversation, transaction, content);
    return isReply(submitted)
      ? refuseAll(conversation, transaction, content, submitted, null)
      : answer(conversation, transaction, content, submitted);
  } finally {
    conversation.session.forwarded = null;
    conversation.watch(transaction.draft.close(), "closing a transaction failed");
  }
}

async function submit(
  conversation: Conversation,
  { draft }: Transaction,
  content: Content,
): Promise<Submitted | Reply> {
  try {
    return await draft.submit(await content.intake.end());
  } catch (error) {
    conversation.log.error({ err: error, id: draft.envelope.id }, "message could not be kept");
    conversation.watch(content.intake.abort(), "dropping content failed");
    return faultReply(error);
  }
}

const isReply = (outcome: Submitted | Reply): outcome is Reply => "wire" in outcome;

function answer(conversation: Conversation, transaction: Transaction, content: Content, submitted: Submitted): Answer {
  const utf8 = transaction.isSmtpUtf8;
  if (submitted.at === "refused") {
    conversation.watch(content.intake.abort(), "dropping content failed");
    return refuseAll(conversation, transaction, content, verdictToReply("message", submitted, { utf8 }), submitted);
  }
  const { id, replies } = submitted;
  if (replies.some(({ at }) => at === "queued")) conversation.forgive();
  // The line at info is the one of whoever took responsibility for it.
  conversation.log.debug(
    { ...facts(conversation, transaction, content), id },
    submitted.at === "queued" ? "accepted" : "discarded",
  );
  const queued = reply(250, "2.0.0", `Ok: queued as ${id}`);
  if (!conversation.role.isLmtp && !transaction.isPrdr) return queued;
  const answers = replies.map((each) => (each.at === "queued" ? queued : verdictToReply("message", each, { utf8 })));
  // Somebody has it: 250. Otherwise the client may come again if that helps anybody.
  const [best = queued] = answers.toSorted((one, other) => one.code - other.code);
  return conversation.role.isLmtp ? together(answers, best.code) : prdr(answers, best);
}

/** draft-hall-prdr-00 4.5: 353, a reply for each recipient, and one for all; where all are the same, that one is enough. */
const prdr = (answers: readonly Reply[], best: Reply): Reply =>
  answers.every(({ wire }) => wire === best.wire) ? best : together([perRecipient, ...answers, best], best.code);

function refuseAll(
  conversation: Conversation,
  transaction: Transaction,
  content: Content,
  answer: Reply,
  refused: Refused | null,
): Answer {
  logRefused(conversation, transaction, content, answer, refused);
  return forEach(conversation, transaction, answer);
}

/** RFC 2033 4.2: LMTP says it for each recipient. */
export const forEach = ({ role }: Conversation, { admitted }: Transaction, answer: Reply): Reply =>
  role.isLmtp ? together(Array<Reply>(admitted).fill(answer), answer.code) : answer;

export function logRefused(
  conversation: Conversation,
  transaction: Transaction,
  content: Content,
  answer: Reply,
  refused: Refused | null = null,
): void {
  const { fault } = content;
  conversation.log.info(
    {
      ...facts(conversation, transaction, content),
      code: answer.code,
      reason: refused?.refusal.text ?? answer.wire.slice(0, 200).trimEnd(),
      plugin: refused?.by ?? null,
      ...(fault === null ? {} : { err: fault }),
    },
    "message refused",
  );
}

function facts({ session }: Conversation, { admitted, draft }: Transaction, content: Content): object {
  const { id, reversePath } = draft.envelope;
  return {
    id,
    from: reversePath?.toString() ?? "",
    recipients: admitted,
    sizeBytes: content.sizeBytes,
    tls: session.tls?.protocol ?? null,
    login: session.identity?.login ?? null,
  };
}
