/**
 * Small texts beside a mailbox, for what is not the store's to understand: rights, and what readers other than the owner have seen. They
 * go where the mailbox goes when it is renamed, and go with it when it is deleted.
 */

/** `acl`: rights (RFC 4314) in the format of Dovecot's `dovecot-acl`, and where Dovecot has it. The others are Postern's own. */
export type NoteName = "acl" | "subscriptions-elsewhere" | `seen-${string}` | `private-${string}`;

/** A text as it was read. A new object whenever the text may have changed. */
export interface Note {
  readonly text: string;
  /** For the log: where it stands. */
  readonly place: string;
}

export interface MailboxNotes {
  /**
   * `null`: there is none, or no such mailbox. `known` is answered again where nothing has changed since, which costs one look at the
   * disk. Rejects where the text cannot be read, or is too large to be ours.
   */
  read(mailbox: string, note: NoteName, known?: Note | null): Promise<Note | null>;
  /**
   * Changes it as a whole, one process at a time; durable when it resolves, and after a crash it is as before or as after. An empty text
   * removes it. Rejects with `nonexistent` where there is no such mailbox, with `limit` beyond `noteBytes`; what `change` throws goes
   * through, and nothing is changed then.
   */
  change(mailbox: string, note: NoteName, change: (text: string) => string | Promise<string>): Promise<void>;
}

/** Octets of one note. */
export const noteBytes = 4 * 1024 * 1024;
