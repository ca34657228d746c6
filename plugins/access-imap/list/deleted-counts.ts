/**
 * What an EXPUNGE would remove from mailboxes, as it was at a modification sequence: messages are looked at again only where something has
 * changed since. Bounded for the process; what was asked for longest ago goes first.
 */
import type { AccountMailboxes, MailboxStatus } from "postern/plugin";

export interface Deleted {
  readonly messages: number;
  readonly bytes: number;
}

interface Known {
  readonly modseq: number;
  readonly deleted: Deleted;
}

const maxMailboxes = 4096;
const none: Deleted = { messages: 0, bytes: 0 };

export class DeletedCounts {
  /** The one that was asked for longest ago comes first. */
  readonly #known = new Map<string, Known>();

  /** Rejects as the store does. Each login has its own modification sequences. */
  async of(
    { login, mailboxes }: { readonly login: string; readonly mailboxes: Pick<AccountMailboxes, "open"> },
    name: string,
    { mailboxId, highestModseq, messages }: MailboxStatus,
  ): Promise<Deleted> {
    if (messages === 0) return none;
    const key = `${mailboxId} ${login}`;
    const before = this.#known.get(key);
    const now = before?.modseq === highestModseq ? before : await countIn(mailboxes, name);
    this.#known.delete(key);
    this.#known.set(key, now);
    const [oldest = key] = this.#known.keys();
    if (this.#known.size > maxMailboxes) this.#known.delete(oldest);
    return now.deleted;
  }
}

async function countIn(mailboxes: Pick<AccountMailboxes, "open">, name: string): Promise<Known> {
  const mailbox = await mailboxes.open(name, { isReadOnly: true });
  try {
    const { snapshot } = mailbox;
    let messages = 0;
    let bytes = 0;
    for (let index = 0; index < snapshot.size; index++) {
      const entry = snapshot.at(index);
      if (!entry.flags.has("\\Deleted")) continue;
      messages++;
      bytes += entry.sizeBytes;
    }
    return { modseq: snapshot.highestModseq, deleted: { messages, bytes } };
  } finally {
    await mailbox.close();
  }
}
