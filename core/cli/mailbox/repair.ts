/** `postern mailbox repair`: mends what can be mended, and says what it did. More than one account is asked about first. */
import type { Terminal } from "../terminal.ts";
import { withAccounts } from "./accounts.ts";
import { confirmed } from "./confirm.ts";
import { type InspectOptions, inspectAccounts } from "./inspect.ts";

export interface RepairOptions extends InspectOptions {
  readonly yes?: boolean;
  /** As `check`. */
  readonly dryRun?: boolean;
}

export async function repairMailboxes(
  logins: readonly string[],
  options: RepairOptions,
  terminal: Terminal,
): Promise<0 | 1> {
  let exitCode: 0 | 1 = 0;
  await withAccounts(logins, options, terminal, async (accounts) => {
    const repair = options.dryRun !== true;
    if (repair && accounts.length > 1 && options.yes !== true) {
      await confirmed(`Repair the mailboxes of ${accounts.length} accounts?`, terminal);
    }
    exitCode = await inspectAccounts(accounts, { repair, options }, terminal);
  });
  return exitCode;
}
