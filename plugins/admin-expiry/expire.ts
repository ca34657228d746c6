/** Removes what is past its time from one account's mailboxes, some at a time, so that sessions and deliveries go on beside it. */
import { setTimeout as pause } from "node:timers/promises";
import type { AccountMailboxes, Clock, ExpiredMail } from "postern/plugin";
import { expiredIn, type RuleOptions, ruleFor } from "./rules.ts";

const BATCH = 500;
/** Between two batches. */
const PAUSE_MS = 50;

export interface ExpireHow {
  readonly isDryRun: boolean;
  readonly signal?: AbortSignal;
}

export async function expireAccount(
  mail: AccountMailboxes,
  rules: readonly RuleOptions[],
  { isDryRun, signal, clock }: ExpireHow & { readonly clock: Clock },
): Promise<readonly ExpiredMail[]> {
  const ruleOf = ruleFor(rules);
  const done: ExpiredMail[] = [];
  for (const listing of await mail.list()) {
    const rule = listing.isSelectable ? ruleOf(listing) : null;
    if (!rule) continue;
    signal?.throwIfAborted();
    const { name } = listing;
    // For reading first: most have nothing to remove, and a look must not make new mail old.
    const found = await look(mail, name, { rule, nowMs: clock.now() });
    if (found.uids.length === 0) continue;
    if (!isDryRun) await remove(mail, name, { uids: found.uids, rule, clock, ...(signal && { signal }) });
    done.push({ mailbox: name, messages: found.uids.length, bytes: found.bytes, oldest: found.oldest });
  }
  return done;
}

async function look(mail: AccountMailboxes, name: string, of: { readonly rule: RuleOptions; readonly nowMs: number }) {
  const mailbox = await mail.open(name, { isReadOnly: true });
  try {
    return expiredIn(mailbox.snapshot, of.rule, of.nowMs);
  } finally {
    await mailbox.close();
  }
}

async function remove(
  mail: AccountMailboxes,
  name: string,
  of: {
    readonly uids: readonly number[];
    readonly rule: RuleOptions;
    readonly clock: Clock;
    readonly signal?: AbortSignal;
  },
): Promise<void> {
  const { rule, clock, signal } = of;
  const mailbox = await mail.open(name);
  try {
    for (let at = 0; at < of.uids.length; at += BATCH) {
      if (at > 0) await pause(PAUSE_MS);
      signal?.throwIfAborted();
      // Somebody may have flagged or moved it meanwhile.
      const still = new Set(expiredIn(await mailbox.sync(), rule, clock.now()).uids);
      const uids = of.uids.slice(at, at + BATCH).filter((uid) => still.has(uid));
      await mailbox.store(uids, { mode: "add", flags: ["\\Deleted"] });
      await mailbox.expunge(uids);
    }
  } finally {
    await mailbox.close();
  }
}
