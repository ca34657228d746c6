/**
 * `postern mailbox move`: accounts come from another server or store with their UIDs, and later runs follow what changed there, until mail is
 * delivered here. The source stays as it is.
 */
import { usageError } from "../command-error.ts";
import type { Terminal } from "../terminal.ts";
import { withAccounts } from "./accounts.ts";
import { confirmed } from "./confirm.ts";
import { openSource } from "./transfer/places.ts";
import { passwordsOf, runTransfer, type TransferCommandOptions } from "./transfer/run.ts";
import { storeTarget } from "./transfer/store-target.ts";

export interface MoveOptions extends TransferCommandOptions {
  readonly from: string;
}

export async function moveMail(logins: readonly string[], options: MoveOptions, terminal: Terminal): Promise<void> {
  const password = passwordsOf(options, terminal);
  await withAccounts(logins, options, terminal, async (accounts, room) => {
    if (accounts.length > 1 && !/\{(?:login|user)\}/.test(options.from)) {
      throw usageError("several accounts need a place each: put {login} or {user} into --from");
    }
    if (accounts.length > 1 && !options.yes && !options.dryRun) {
      await confirmed(`Bring the mail of ${accounts.length} accounts?`, terminal);
    }
    for (const one of accounts) {
      const open = async (places: Parameters<typeof openSource>[1]) => {
        const { note, isBeyondQuota } = places;
        const id = `account:${one.account.login}`;
        const target = storeTarget(id, one.mail, { close: async () => {}, note, isBeyondQuota });
        return { source: await openSource(options.from, places), target };
      };
      await runTransfer({ verb: "move", one, options, follow: true, password, open }, room, terminal);
    }
  });
}
