/**
 * A report about recipients that were refused before there was a message in the queue: for mail that nobody waits for with a reply code,
 * because it was handed over without a connection. It is the same report, to the same people, as about a delivery that failed.
 */
import type { Envelope, Message } from "../contracts/envelope.ts";
import type { Refused } from "../contracts/submit.ts";
import { createEnvelope, type RecipientInit } from "../kernel/envelope.ts";
import { type BounceRoom, sendReport } from "./bounce.ts";
import { Job } from "./job.ts";
import { defaultQueueOptions, type QueueOptions } from "./queue-options.ts";

export interface RefusedRecipient {
  readonly recipient: RecipientInit;
  readonly refused: Refused;
}

export interface RefusedMessage {
  readonly envelope: Envelope;
  readonly message: Message;
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
  readonly refused: readonly RefusedRecipient[];
}

/** `true`: the report is durable, or there is nobody who is to be told. `false`: it could not be sent now. */
export async function reportRefusals(
  room: Omit<BounceRoom, "options"> & { readonly options: Partial<QueueOptions> },
  { envelope, message, acceptedAt, refused }: RefusedMessage,
): Promise<boolean> {
  const { id, origin, session, reversePath, body, isSmtpUtf8, requiresTls, ret, envid } = envelope;
  const about = createEnvelope({ id, origin, session, reversePath, body, isSmtpUtf8, requiresTls, ret, envid });
  const job = new Job(about, message, acceptedAt);
  for (const { recipient, refused: refusedBy } of refused) {
    // RFC 3461 4.1: who asked for no news of failures gets none
    if (recipient.notify !== undefined && recipient.notify.size > 0 && !recipient.notify.has("failure")) continue;
    job.outcomes.set(about.addRecipient(recipient).id, { at: "failed", reply: replyOf(refusedBy) });
  }
  if (about.recipients.length === 0) return true;
  return sendReport({ ...room, options: { ...defaultQueueOptions, ...room.options } }, job, "failed", about.recipients);
}

function replyOf({ refusal, isPermanent }: Refused) {
  const code = refusal.code ?? (isPermanent ? 550 : 451);
  const status = refusal.detail === undefined ? null : `${Math.floor(code / 100)}.${refusal.detail}`;
  return { code, status, text: refusal.text, host: null };
}
