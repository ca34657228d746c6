/** `postern mailbox list`: the mailboxes of accounts, with what is in them. */
import type { MailboxListing, MailboxStatus } from "../../contracts/mailbox-store.ts";
import { jsonLine } from "../../kernel/json-line.ts";
import { safeText } from "../../mail/header.ts";
import { type Terminal, written } from "../terminal.ts";
import { type AccountOptions, folderFilter, type OpenAccount, withAccounts } from "./accounts.ts";
import { roughSize, table } from "./show.ts";

export interface ListOptions extends AccountOptions {
  readonly folder?: readonly string[];
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export const listMailboxes = (logins: readonly string[], options: ListOptions, terminal: Terminal): Promise<void> =>
  withAccounts(logins, options, terminal, async (accounts) => {
    for (const [index, one] of accounts.entries()) {
      const text = await listed(one, { options, isOnly: accounts.length === 1, isFirst: index === 0 });
      if (!(await written(terminal, text))) return;
    }
  });

interface Shown extends MailboxListing {
  readonly status: MailboxStatus | null;
}

async function listed(
  { account: { login }, mail }: OpenAccount,
  { options, isOnly, isFirst }: { readonly options: ListOptions; readonly isOnly: boolean; readonly isFirst: boolean },
): Promise<string> {
  const isMeant = folderFilter(options.folder);
  const listing = (await mail.list()).filter(({ name }) => isMeant(name));
  if (options.quiet && !options.json) {
    return listing.map(({ name }) => `${isOnly ? "" : `${safeText(login)}\t`}${safeText(name)}\n`).join("");
  }
  const shown: Shown[] = [];
  for (const one of listing) shown.push({ ...one, status: one.isSelectable ? await mail.status(one.name) : null });
  if (options.json) return shown.map((one) => jsonLine(asJson(login, one))).join("");
  const rows = shown.map(({ name, status, specialUse, isSubscribed }) => [
    name,
    status?.messages ?? "-",
    status?.unseen ?? "-",
    status ? roughSize(status.sizeBytes) : "-",
    specialUse ?? "",
    isSubscribed ? "yes" : "",
  ]);
  const head = table(["MAILBOX", "MESSAGES", "UNSEEN", "SIZE", "USE", "SUBSCRIBED"], rows);
  return isOnly ? head : `${isFirst ? "" : "\n"}${safeText(login)}\n${head}`;
}

function asJson(login: string, { status, ...listing }: Shown): object {
  return { login, ...listing, ...(status && statusJson(status)) };
}

/** Own properties, also of what a store works out when it is asked. */
export const statusJson = (status: MailboxStatus): object => ({
  messages: status.messages,
  recent: status.recent,
  unseen: status.unseen,
  uidNext: status.uidNext,
  uidValidity: status.uidValidity,
  highestModseq: status.highestModseq,
  sizeBytes: status.sizeBytes,
  mailboxId: status.mailboxId,
});
