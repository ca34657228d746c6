/** What an account's quota has to do with changes of its mailboxes: asked before, told afterwards. Without a quota there is none of it. */
import type { AccountQuota, Usage } from "postern/plugin";

const sum = (sizes: readonly number[]): Usage => ({
  bytes: sizes.reduce((all, size) => all + size, 0),
  messages: sizes.length,
});

/** Rejects with `overQuota`. Sizes are as fetched. */
export async function admit(quota: AccountQuota | null, mailbox: string, sizes: readonly number[]): Promise<void> {
  if (quota && sizes.length > 0) await quota.admit(mailbox, sum(sizes));
}

export async function tellCame(quota: AccountQuota | null, mailbox: string, sizes: readonly number[]): Promise<void> {
  if (quota && sizes.length > 0) await quota.changed(mailbox, sum(sizes));
}

export async function tellWent(quota: AccountQuota | null, mailbox: string, sizes: readonly number[]): Promise<void> {
  if (!quota || sizes.length === 0) return;
  const { bytes, messages } = sum(sizes);
  await quota.changed(mailbox, { bytes: -bytes, messages: -messages });
}
