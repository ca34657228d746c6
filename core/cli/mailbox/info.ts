/** `postern mailbox info`: all that is known of an account's mail: its quota, and each mailbox with its counts and identities. */
import type { QuotaState } from "../../contracts/quota.ts";
import { jsonLine } from "../../kernel/json-line.ts";
import { safeText } from "../../mail/header.ts";
import { type Terminal, written } from "../terminal.ts";
import { type AccountOptions, foldersOf, type OpenAccount, withAccounts } from "./accounts.ts";
import { statusJson } from "./list.ts";
import { roughSize } from "./show.ts";

export interface InfoOptions extends AccountOptions {
  readonly folder?: readonly string[];
  readonly json?: boolean;
}

export const showMailboxes = (logins: readonly string[], options: InfoOptions, terminal: Terminal): Promise<void> =>
  withAccounts(logins, options, terminal, async (accounts) => {
    for (const one of accounts) if (!(await written(terminal, await shown(one, options)))) return;
  });

async function shown({ account, mail }: OpenAccount, options: InfoOptions): Promise<string> {
  const quota = await mail.quota();
  const folders = await foldersOf(mail, options.folder);
  const statuses = [];
  for (const name of folders) statuses.push({ name, ...statusJson(await mail.status(name)) });
  const { login, home } = account;
  if (options.json) {
    return jsonLine({ login, addresses: account.addresses.map(String), home, quota, mailboxes: statuses });
  }
  const lines = [
    ["Account", login],
    ["Addresses", account.addresses.map(String).join(", ")],
    ["Home", home],
    ["Quota", quota === null ? "no limit" : quotaText(quota)],
  ].map(([name = "", text = ""]) => `${`${name}:`.padEnd(13)}${safeText(text)}\n`);
  const parts = statuses.map((status) =>
    Object.entries(status)
      .map(([key, value]) =>
        key === "name"
          ? `\n${safeText(String(value))}\n`
          : `  ${`${labels[key] ?? key}:`.padEnd(17)}${of(key, value)}\n`,
      )
      .join(""),
  );
  return [...lines, ...parts, "\n"].join("");
}

const of = (key: string, value: unknown): string =>
  key === "sizeBytes" ? `${roughSize(Number(value))} (${value} octets)` : safeText(String(value));

const labels: Readonly<Record<string, string>> = {
  messages: "Messages",
  recent: "Recent",
  unseen: "Unseen",
  uidNext: "UIDNEXT",
  uidValidity: "UIDVALIDITY",
  highestModseq: "HIGHESTMODSEQ",
  sizeBytes: "Size",
  mailboxId: "MAILBOXID",
};

/** `1.2GiB of 2.0GiB (60 %), 800 messages`, and whether that is too much. */
export function quotaText({ usage, hard, isFull, isOverSoft }: QuotaState): string {
  const bytes =
    hard.bytes === null
      ? roughSize(usage.bytes)
      : `${roughSize(usage.bytes)} of ${roughSize(hard.bytes)} (${Math.round((usage.bytes * 100) / hard.bytes)} %)`;
  const messages = `${usage.messages}${hard.messages === null ? "" : ` of ${hard.messages}`} messages`;
  return `${bytes}, ${messages}${isFull ? ": full" : isOverSoft ? ": over the soft limit" : ""}`;
}
