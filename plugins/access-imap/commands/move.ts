/** MOVE and UID MOVE (RFC 6851). */
import { existingName } from "../mailbox-name.ts";
import { isStoreError, no, ok, type Reply } from "../reply.ts";
import type { ImapSession, WithSelected } from "../session.ts";
import { copyUid, parseTransfer, type Transfer, transferable } from "../transfer.ts";
import { withUidForm } from "./command.ts";

async function moveMessages(
  { session, mailboxes, selected }: WithSelected & { readonly session: ImapSession },
  { set, target: asked }: Transfer,
  isUid: boolean,
): Promise<Reply> {
  if (selected.mailbox.isReadOnly) return no("Mailbox is read-only", "READ-ONLY");
  const { uids, isComplete } = transferable(selected.view, set, isUid);
  if (!isComplete) return no("Some of the messages no longer exist", "EXPUNGEISSUED");
  if (uids.length === 0) return ok("No messages moved");
  try {
    const target = await existingName(mailboxes, asked);
    const result = await selected.mailbox.move(uids, target);
    const code = copyUid(result);
    // RFC 6851 4.3: COPYUID comes before the EXPUNGE responses, which the view gives.
    if (code !== null) session.out.line(`* OK [${code}] Moved`);
    await selected.adopt();
    session.tookIn(
      target,
      result.uids.map(({ to }) => to),
    );
    return ok("Move completed");
  } catch (fault) {
    if (isStoreError(fault, "nonexistent")) return no("No such mailbox", "TRYCREATE");
    throw fault;
  }
}

export const [move, uidMove] = withUidForm({ syncs: true, parse: parseTransfer, run: moveMessages });
