/** `postern mailbox export`: accounts' mail as mbox files or Maildirs. Run again, it adds what is new. */
import { usageError } from "../command-error.ts";
import type { Terminal } from "../terminal.ts";
import { withAccounts } from "./accounts.ts";
import { openTarget } from "./transfer/places.ts";
import { runTransfer, type TransferCommandOptions } from "./transfer/run.ts";
import { storeSource } from "./transfer/store-source.ts";

export interface ExportOptions extends TransferCommandOptions {
  readonly to: string;
}

export const exportMail = (logins: readonly string[], options: ExportOptions, terminal: Terminal): Promise<void> =>
  withAccounts(logins, options, terminal, async (accounts, room) => {
    if (accounts.length > 1 && !/\{(?:login|user)\}/.test(options.to)) {
      throw usageError("several accounts need a place each: put {login} or {user} into --to");
    }
    for (const one of accounts) {
      const open = async (places: Parameters<typeof openTarget>[1]) => ({
        source: storeSource(`account:${one.account.login}`, one.mail, async () => {}),
        target: await openTarget(options.to, places),
      });
      await runTransfer({ verb: "export", one, options, follow: false, open }, room, terminal);
    }
  });
