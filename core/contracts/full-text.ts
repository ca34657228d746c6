/**
 * An index over the text of messages: it says which messages cannot hold what is looked for, so that they need not be read. It is never the
 * truth: what it does not rule out is read, and where it is missing, full or damaged, everything is. Nothing here rejects or throws.
 */
import type { AccountMailboxes } from "./mailbox-store.ts";
import { defineService } from "./service.ts";

export interface FullTextQuery {
  /** `text`: header and body (RFC 3501 6.4.4). A field's name in lower case. */
  readonly in: "text" | "body" | { readonly field: string };
  /** Folded as `foldText` of `postern/mail` does; anywhere in the text that `TextScan` shows, also in the middle of a word. */
  readonly needle: string;
}

export interface RuledOut {
  /** The needle is certainly not in the message. */
  has(uid: number): boolean;
}

/** One mailbox, as one session holds it. */
export interface FullTextMailbox {
  /** One answer to each query; `null`: nothing can be ruled out. */
  ruleOut(queries: readonly FullTextQuery[]): Promise<readonly (RuledOut | null)[]>;
  /** Nobody looks at it any more. */
  close(): void;
}

export interface FullText {
  /** While somebody holds a mailbox its index follows what comes and goes. `owner`: whose mailboxes these are. */
  open(
    owner: { readonly login: string; readonly mailboxes: AccountMailboxes },
    mailbox: { readonly name: string; readonly mailboxId: string },
  ): FullTextMailbox;
}
export const FullText = defineService<FullText>("postern/full-text@1");
