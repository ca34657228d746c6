/** Quota (RFC 9208) as clients see it. Each account has one quota root, if anything limits it. */
import type { AccountMailboxes, QuotaState } from "postern/plugin";
import type { ImapSession } from "./session.ts";

/** RFC 9208 3.2: an opaque string. */
export const quotaRoot = "";

/** RFC 9208 5.1: STORAGE counts in units of 1024 octets. */
const kib = (bytes: number): number => Math.ceil(bytes / 1024);

/** `QUOTA root (...)`, without the star (RFC 9208 4.2.1): what is limited, with the hard limit, or the soft one where there is no other. */
export function formatQuota({ usage, hard, soft }: QuotaState): string {
  const resources: string[] = [];
  const bytes = hard.bytes ?? soft.bytes;
  const messages = hard.messages ?? soft.messages;
  if (bytes !== null) resources.push(`STORAGE ${kib(usage.bytes)} ${kib(bytes)}`);
  if (messages !== null) resources.push(`MESSAGE ${usage.messages} ${messages}`);
  return `QUOTA "${quotaRoot}" (${resources.join(" ")})`;
}

/**
 * RFC 9208 4.3.1: after a command that added messages, the client hears that the soft limit is exceeded; once, until there is room again.
 * Never rejects: the command has been carried out.
 */
export async function tellSoftQuota(session: ImapSession, mailboxes: AccountMailboxes): Promise<void> {
  let isOver = false;
  try {
    isOver = (await mailboxes.quota())?.isOverSoft === true;
  } catch (fault) {
    session.log.warn({ err: fault }, "quota cannot be looked at now");
    return;
  }
  if (isOver && !session.isToldOverQuota) session.out.line("* NO [OVERQUOTA] Soft quota is exceeded");
  session.isToldOverQuota = isOver;
}
