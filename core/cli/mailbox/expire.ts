/** `postern mailbox expire`: removes mail that is past its time by the rules of the config, or says what would go. */

import { Expiry } from "../../contracts/expiry.ts";
import { exitCodes } from "../../kernel/exit-codes.ts";
import { jsonLine } from "../../kernel/json-line.ts";
import { safeText } from "../../mail/header.ts";
import { CommandError } from "../command-error.ts";
import { type Terminal, written } from "../terminal.ts";
import { type AccountOptions, withAccounts } from "./accounts.ts";
import { confirmed } from "./confirm.ts";
import { roughSize } from "./show.ts";

export interface ExpireOptions extends AccountOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export const expireMail = (logins: readonly string[], options: ExpireOptions, terminal: Terminal): Promise<void> =>
  withAccounts(logins, options, terminal, async (accounts, { offline }) => {
    const expiry = expiryOf(offline.kernel);
    const isDryRun = options.dryRun === true;
    if (!isDryRun && !options.yes) {
      const whose = accounts.length === 1 ? accounts[0]?.account.login : `${accounts.length} accounts`;
      await confirmed(`Remove mail past its time of ${whose}?`, terminal);
    }
    let count = 0;
    let size = 0;
    for (const { account } of accounts) {
      for (const { mailbox, messages, bytes, oldest } of await expiry.expire(account, { isDryRun })) {
        count += messages;
        size += bytes;
        const since = new Date(oldest).toISOString();
        const text = options.json
          ? jsonLine({ login: account.login, mailbox, messages, bytes, oldest: since, isDryRun })
          : `${safeText(`${account.login} ${mailbox}`)}: ${messages} messages, ${roughSize(bytes)}, since ${since}\n`;
        if (!(await written(terminal, text))) return;
      }
    }
    const text = `${count} messages, ${roughSize(size)} ${isDryRun ? "would be removed" : "removed"}\n`;
    if (!options.json) await written(terminal, text);
  });

function expiryOf(kernel: { service(token: typeof Expiry): Expiry }): Expiry {
  try {
    return kernel.service(Expiry);
  } catch (cause) {
    throw new CommandError("no plugin of this config has rules of expiry", exitCodes.config, {
      cause,
    });
  }
}
