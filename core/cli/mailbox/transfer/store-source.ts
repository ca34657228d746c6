/** Mailboxes of a store as a source: of another config, or a Maildir by itself. Opened for reading only. */
import type { AccountMailboxes, Mailbox, UniqueIds } from "../../../contracts/mailbox-store.ts";
import type { OpenSource, Source, SourceMessage } from "./source.ts";

/** Beyond it a message is not held in memory. */
const MAX_MESSAGE_BYTES = 1024 * 1024 * 1024;

export function storeSource(id: string, mail: AccountMailboxes, close: () => Promise<void>): Source {
  return {
    id,
    close,
    async folders() {
      const listing = await mail.list();
      return listing
        .filter(({ isSelectable }) => isSelectable)
        .map(({ name, specialUse, isSubscribed }) => ({ name, specialUse, isSubscribed }));
    },
    async open(name) {
      const mailbox = await mail.open(name, { isReadOnly: true });
      const uniqueIds = name === "INBOX" ? await mail.uniqueIds(mailbox) : new Map<number, string>();
      return openSource(mailbox, uniqueIds);
    },
  };
}

function openSource(mailbox: Mailbox, uniqueIds: UniqueIds): OpenSource {
  const { snapshot } = mailbox;
  const messages = Array.from({ length: snapshot.size }, (_, index): SourceMessage => {
    const { uid, flags, internalDate, sizeBytes } = snapshot.at(index);
    const uniqueId = uniqueIds.get(uid);
    return {
      key: String(uid),
      uid,
      flags: [...flags],
      internalDate,
      sizeBytes,
      ...(uniqueId !== undefined && { uniqueId }),
    };
  });
  return {
    uidValidity: mailbox.uidValidity,
    uidNext: snapshot.uidNext,
    messages,
    async read(wanted) {
      const contents = new Map<string, Buffer>();
      for (const { key, uid } of wanted) {
        const bytes = uid === null ? null : await bytesOf(mailbox, uid);
        if (bytes) contents.set(key, bytes);
      }
      return contents;
    },
    close: () => mailbox.close(),
  };
}

async function bytesOf(mailbox: Mailbox, uid: number): Promise<Buffer | null> {
  try {
    return await mailbox.bytes(uid, MAX_MESSAGE_BYTES);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "expunged") return null;
    throw cause;
  }
}
