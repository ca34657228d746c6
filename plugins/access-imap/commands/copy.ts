/** COPY (RFC 3501 6.4.7) and UID COPY (6.4.8), with COPYUID (RFC 4315 3). */
import { existingName } from "../mailbox-name.ts";
import { tellSoftQuota } from "../quota.ts";
import { isStoreError, no, ok, type Reply } from "../reply.ts";
import type { WithSelected } from "../session.ts";
import { copyUid, parseTransfer, type Transfer, transferable } from "../transfer.ts";
import { type Invocation, withUidForm } from "./command.ts";

type Given = Invocation & WithSelected;

async function copyMessages(
  { session, mailboxes, selected }: Given,
  { set, target: asked }: Transfer,
  isUid: boolean,
): Promise<Reply> {
  const { uids, isComplete } = transferable(selected.view, set, isUid);
  // RFC 2180 4.4.1: all or nothing, and some are gone.
  if (!isComplete) return no("Some of the messages no longer exist", "EXPUNGEISSUED");
  if (uids.length === 0) return ok("No messages copied");
  try {
    const target = await existingName(mailboxes, asked);
    const result = await selected.mailbox.copy(uids, target);
    session.tookIn(
      target,
      result.uids.map(({ to }) => to),
    );
    await tellSoftQuota(session, mailboxes);
    return ok("Copy completed", copyUid(result));
  } catch (fault) {
    // RFC 3501 6.4.7
    if (isStoreError(fault, "nonexistent")) return no("No such mailbox", "TRYCREATE");
    throw fault;
  }
}

export const [copy, uidCopy] = withUidForm({ parse: parseTransfer, run: copyMessages });
