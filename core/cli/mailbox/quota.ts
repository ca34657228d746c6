/** `postern mailbox quota`: how much accounts keep and may keep; with `--recalculate` counted anew. */
import type { QuotaState } from "../../contracts/quota.ts";
import { jsonLine } from "../../kernel/json-line.ts";
import { safeText } from "../../mail/header.ts";
import { type Terminal, written } from "../terminal.ts";
import { type AccountOptions, withAccounts } from "./accounts.ts";
import { quotaText } from "./info.ts";

export interface QuotaCommandOptions extends AccountOptions {
  readonly recalculate?: boolean;
  /** Only those over their soft limit, or full. */
  readonly over?: boolean;
  readonly json?: boolean;
}

export const showQuota = (logins: readonly string[], options: QuotaCommandOptions, terminal: Terminal): Promise<void> =>
  withAccounts(logins, options, terminal, async (accounts) => {
    for (const { account, mail } of accounts) {
      const before = await mail.quota();
      const state = options.recalculate ? await mail.quota({ recount: true }) : before;
      if (options.over && !(state?.isFull || state?.isOverSoft)) continue;
      const text = options.json
        ? jsonLine({ login: account.login, ...state, ...(options.recalculate && { before: before?.usage ?? null }) })
        : `${safeText(account.login)}\t${state === null ? "no limit" : quotaText(state)}${difference(before, state)}\n`;
      if (!(await written(terminal, text))) return;
    }
  });

function difference(before: QuotaState | null, after: QuotaState | null): string {
  if (before === null || after === null) return "";
  const [bytes, messages] = [after.usage.bytes - before.usage.bytes, after.usage.messages - before.usage.messages];
  const signed = (value: number) => (value < 0 ? String(value) : `+${value}`);
  return bytes === 0 && messages === 0 ? "" : ` (counted anew: ${signed(bytes)} octets, ${signed(messages)} messages)`;
}
