/** STATUS as a reader has it: its own unseen messages, its own modseqs. */
import type { MailboxStatus } from "../contracts/mailbox-store.ts";
import type { ReadersSeen } from "./reader-seen.ts";
import type { Place } from "./regions.ts";
import { countIn } from "./uid-runs.ts";

export async function statusAs({ region, name }: Place, readers: ReadersSeen): Promise<MailboxStatus> {
  const status = await region.mail.status(name);
  const { notes } = region.mail;
  if (region.reader.isOwner || !notes) return status;
  const { uidValidity, mailboxId } = status;
  const inner = await region.mail.open(name, { isReadOnly: true });
  const own = readers.hold({
    ...{ owner: region.login, reader: region.reader.login, notes, mailbox: name },
    ...{ mailboxId, uidValidity },
  });
  try {
    const state = await own.seen.refresh();
    const { snapshot } = inner;
    return {
      messages: snapshot.size,
      recent: region.isHinted ? 0 : status.recent, // readers claim none
      unseen: snapshot.size - countIn(state.seen, snapshot),
      uidNext: snapshot.uidNext,
      uidValidity,
      highestModseq: state.highestOf(snapshot),
      mailboxId,
      get sizeBytes() {
        return status.sizeBytes;
      },
    };
  } finally {
    own.release();
    await inner.close();
  }
}
