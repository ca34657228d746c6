/**
 * One round over all accounts, in one worker of all: a lease says which, and the time of the last round stands beside it. A worker that dies
 * in the middle leaves the round to the next one; what was removed stays removed. An account that cannot be used now is passed over.
 */
import type { Account, AccountAdmins, Accounts, Clock, Expiry, KeyValue, Log } from "postern/plugin";

export interface RoundParts {
  readonly id: string;
  readonly everyMs: number;
  readonly keyValue: KeyValue;
  readonly accounts: Accounts;
  readonly admins: AccountAdmins;
  readonly expiry: Expiry;
  readonly log: Log;
  readonly clock: Clock;
}

/** Whether this call was the one that made it. */
export async function round(parts: RoundParts, signal: AbortSignal): Promise<boolean> {
  const { id, everyMs, keyValue, log, clock } = parts;
  const space = keyValue.space<{ readonly endedMs: number }>(id);
  const isDue = async () => clock.now() - ((await space.get("round"))?.endedMs ?? 0) >= everyMs;
  if (!(await isDue())) return false;
  const lease = await keyValue.lease(`${id} round`, 1);
  if (lease === null) return false;
  try {
    // Somebody may have ended one between the question and the lease.
    if (!(await isDue())) return false;
    const { messages, accounts } = await overAll(parts, signal);
    const endedMs = clock.now();
    await space.update("round", () => ({ value: { endedMs }, expiresAtMs: endedMs + 2 * everyMs }));
    log.info({ accounts, messages }, "mail past its time was removed");
    return true;
  } finally {
    lease.release();
  }
}

async function overAll(
  { admins, accounts, expiry, log }: RoundParts,
  signal: AbortSignal,
): Promise<{ readonly accounts: number; readonly messages: number }> {
  let [count, messages] = [0, 0];
  for (const admin of admins.all) {
    for (const { login } of await admin.list()) {
      signal.throwIfAborted();
      const answer = await accounts.byLogin(login);
      if (answer.at !== "found") continue;
      count++;
      messages += await ofAccount(answer.account, { expiry, log, signal });
    }
  }
  return { accounts: count, messages };
}

async function ofAccount(
  account: Account,
  { expiry, log, signal }: { readonly expiry: Expiry; readonly log: Log; readonly signal: AbortSignal },
): Promise<number> {
  try {
    const done = await expiry.expire(account, { isDryRun: false, signal });
    for (const { mailbox, messages, bytes } of done) {
      log.info({ login: account.login, mailbox, messages, bytes }, "removed mail past its time");
    }
    return done.reduce((sum, { messages }) => sum + messages, 0);
  } catch (err) {
    signal.throwIfAborted();
    log.warn({ login: account.login, err }, "mail past its time was not removed");
    return 0;
  }
}
