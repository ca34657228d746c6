/** Whether what is kept in `maildirsize` is what lies in the mailboxes. A repair counts anew. */
import type { AccountQuota, Defect } from "postern/plugin";
import type { MailboxTree } from "./mailbox-tree.ts";
import { usageOfAll } from "./usage.ts";

export async function inspectQuota(
  tree: MailboxTree,
  quota: AccountQuota,
  how: { readonly repair: boolean },
): Promise<readonly Defect[]> {
  const differs = async () => {
    const { usage } = await quota.state();
    const { bytes, messages } = await usageOfAll(tree, (mailbox) => quota.ignores(mailbox));
    return { bytes: usage.bytes - bytes, messages: usage.messages - messages };
  };
  const first = await differs();
  if (first.bytes === 0 && first.messages === 0) return [];
  // Mail that came between the two looks is no defect: it makes another difference the next time.
  const second = await differs();
  if (second.bytes !== first.bytes || second.messages !== first.messages) return [];
  if (how.repair) await quota.state({ recount: true });
  const text = `the count of what is kept is wrong by ${first.bytes} octets and ${first.messages} messages`;
  return [{ kind: "quota", text, uid: null, done: how.repair ? "counted anew" : null }];
}
