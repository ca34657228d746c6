/** The mail that tells an account how full it is: the operator's words around the figures. Pure. */
import { randomUUID } from "node:crypto";
import type { Account } from "../contracts/account.ts";
import type { QuotaLimit, QuotaState, Usage } from "../contracts/quota.ts";
import type { ServerFacts } from "../contracts/server-facts.ts";
import { formatDate } from "../mail/date.ts";
import { encodeWords } from "../mail/encode-words.ts";
import { formatField, safeText } from "../mail/header.ts";

export interface WarningMail {
  readonly account: Account;
  readonly threshold: number;
  readonly state: QuotaState;
}

export function warningMail(
  { account, threshold, state }: WarningMail,
  by: {
    readonly facts: ServerFacts;
    readonly options: { readonly warningSubject: string; readonly warningText: string };
    readonly nowMs: number;
  },
): Buffer {
  const { facts, options, nowMs } = by;
  const words: Readonly<Record<string, string>> = {
    login: safeText(account.login),
    percent: String(threshold),
    ...figures(state.usage, state.hard),
  };
  const filled = (text: string) => text.replace(/\{(\w+)\}/g, (whole, name: string) => words[name] ?? whole);
  const body = filled(options.warningText).replace(/\r\n|\r|\n/g, "\r\n");
  const fields = [
    ["From", `Mail System <${facts.postmaster}>`],
    ["To", `<${account.addresses[0] ?? account.login}>`],
    ["Subject", encodeWords(safeText(filled(options.warningSubject)))],
    ["Date", formatDate(nowMs)],
    ["Message-ID", `<${randomUUID()}@${facts.hostname}>`],
    // RFC 3834 5.2: nothing answers it
    ["Auto-Submitted", "auto-generated"],
    ["MIME-Version", "1.0"],
    ["Content-Type", "text/plain; charset=utf-8"],
    ["Content-Transfer-Encoding", "8bit"],
  ] as const;
  const header = fields.map(([name, value]) => formatField(name, value)).join("");
  return Buffer.from(`${header}\r\n${body}${body.endsWith("\r\n") ? "" : "\r\n"}`);
}

/** `1.2 GiB of 1.5 GiB`, `900 of 1000 messages`: whatever is limited. */
function figures(usage: Usage, hard: QuotaLimit): Readonly<Record<"used" | "limit", string>> {
  const used = [
    ...(hard.bytes === null ? [] : [roughSize(usage.bytes)]),
    ...(hard.messages === null ? [] : [`${usage.messages} messages`]),
  ];
  const limit = [
    ...(hard.bytes === null ? [] : [roughSize(hard.bytes)]),
    ...(hard.messages === null ? [] : [`${hard.messages} messages`]),
  ];
  return { used: used.join(", "), limit: limit.join(", ") };
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

function roughSize(bytes: number): string {
  const step = Math.min(UNITS.length - 1, bytes < 1024 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const amount = bytes / 1024 ** step;
  return `${Number(amount.toFixed(amount < 10 ? 1 : 0))} ${UNITS[step]}`;
}
