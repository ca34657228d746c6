/**
 * What `postern mailbox check` and `repair` have in common: each mailbox is looked over by its store, and what was found is told. Exit code
 * 1 says that something is wrong and still is.
 */
import type { Defect } from "../../contracts/mailbox-store.ts";
import { jsonLine } from "../../kernel/json-line.ts";
import { safeText } from "../../mail/header.ts";
import { type Terminal, written } from "../terminal.ts";
import { type AccountOptions, foldersOf, type OpenAccount, withAccounts } from "./accounts.ts";

export interface InspectOptions extends AccountOptions {
  readonly folder?: readonly string[];
  readonly json?: boolean;
  readonly quiet?: boolean;
}

interface Tally {
  mailboxes: number;
  found: number;
  mended: number;
}

export async function inspectAccounts(
  accounts: readonly OpenAccount[],
  { repair, options }: { readonly repair: boolean; readonly options: InspectOptions },
  terminal: Terminal,
): Promise<0 | 1> {
  const tally: Tally = { mailboxes: 0, found: 0, mended: 0 };
  for (const { account, mail } of accounts) {
    for (const mailbox of await foldersOf(mail, options.folder)) {
      const defects = await mail.inspect(mailbox, { repair });
      tally.mailboxes++;
      tally.found += defects.length;
      tally.mended += defects.filter(({ done }) => done !== null).length;
      const lines = defects.map((defect) =>
        options.json
          ? jsonLine({ login: account.login, mailbox, ...defect })
          : defectLine(account.login, mailbox, defect),
      );
      if (lines.length > 0 && !(await written(terminal, lines.join("")))) return 1;
    }
  }
  if (!options.json && !options.quiet) await written(terminal, summary(tally, repair));
  return tally.found > tally.mended ? 1 : 0;
}

const defectLine = (login: string, mailbox: string, { kind, text, uid, done }: Defect): string =>
  `${safeText(`${login} ${mailbox}${uid === null ? "" : ` UID ${uid}`}: ${kind}: ${text}${done === null ? "" : `: ${done}`}`)}\n`;

function summary({ mailboxes, found, mended }: Tally, repair: boolean): string {
  const looked = `${mailboxes === 1 ? "1 mailbox" : `${mailboxes} mailboxes`} looked over`;
  if (found === 0) return `${looked}: nothing is wrong\n`;
  return `${looked}: ${found} found${repair ? `, ${mended} mended` : "; postern mailbox repair mends what can be mended"}\n`;
}

export const inspecting = async (
  logins: readonly string[],
  how: { readonly repair: boolean; readonly options: InspectOptions },
  terminal: Terminal,
): Promise<0 | 1> => {
  let exitCode: 0 | 1 = 0;
  await withAccounts(logins, how.options, terminal, async (accounts) => {
    exitCode = await inspectAccounts(accounts, how, terminal);
  });
  return exitCode;
};
