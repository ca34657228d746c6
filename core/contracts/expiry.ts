/** Mail that is kept for a time only: who has rules for it provides this; the command `postern mailbox expire` asks for it. */
import type { Account } from "./account.ts";
import { defineService } from "./service.ts";

export interface ExpiredMail {
  readonly mailbox: string;
  readonly messages: number;
  readonly bytes: number;
  /** The oldest of them; milliseconds since 1970. */
  readonly oldest: number;
}

export interface Expiry {
  /** Removes what is past its time, or only looks. Mailboxes without such mail are left out. Rejects as the store does. */
  expire(
    account: Account,
    how: { readonly isDryRun: boolean; readonly signal?: AbortSignal },
  ): Promise<readonly ExpiredMail[]>;
}
export const Expiry = defineService<Expiry>("postern/expiry@1");
