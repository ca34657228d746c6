/** Waiting messages as people read them: one line each, and a second one for what was said last. Nothing is collected: a list may be long. */
import { safeText } from "../mail/header.ts";
import type { ListedMessage } from "./request.ts";

export const tableHead = `${"ID".padEnd(16)} STATE    SIZE     AGE     NEXT TRY  TRIES  ${"SENDER".padEnd(28)} RECIPIENTS\n`;

/** Once for each of a hundred thousand: strings are put together, and nothing else is made. */
export function tableRow(message: ListedMessage, nowMs: number): string {
  const { id, state, sizeBytes, acceptedAt, dueAt, attempts, reversePath, open, openCount, hold, lastReply } = message;
  const next = state === "waiting" ? nextTry(dueAt, nowMs) : "-";
  const sender = reversePath === null ? "<>" : safeText(reversePath);
  const more = openCount > 1 ? ` +${openCount - 1}` : "";
  const facts = `${id.padEnd(16)} ${state.padEnd(8)} ${sizeText(sizeBytes).padEnd(8)} ${ago(nowMs - acceptedAt).padEnd(7)}`;
  const first = `${facts} ${next.padEnd(9)} ${String(attempts).padEnd(6)} ${sender.padEnd(28)} ${safeText(open[0] ?? "-")}${more}\n`;
  const why = hold ?? (lastReply && saidBy(lastReply));
  return why === null ? first : `${first}    ${safeText(why)}\n`;
}

export const saidBy = ({ code, status, text, host }: NonNullable<ListedMessage["lastReply"]>): string =>
  `${host === null ? "" : `${host}: `}${code} ${status === null ? "" : `${status} `}${text}`;

/** Two places are enough for a reader. */
function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  return bytes < MEBIBYTE ? `${Math.round(bytes / 1024)}KiB` : `${Math.round(bytes / MEBIBYTE)}MiB`;
}

const MEBIBYTE = 1024 * 1024;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

function ago(ms: number): string {
  if (ms >= DAY_MS) return `${Math.floor(ms / DAY_MS)}d`;
  if (ms >= HOUR_MS) return `${Math.floor(ms / HOUR_MS)}h`;
  return ms >= MINUTE_MS ? `${Math.floor(ms / MINUTE_MS)}m` : `${Math.max(0, Math.floor(ms / 1_000))}s`;
}

const nextTry = (dueAt: number, nowMs: number): string => (dueAt <= nowMs ? "now" : `in ${ago(dueAt - nowMs)}`);

/** `3 messages, 12KiB` */
export const totals = (messages: number, bytes: number): string =>
  `${messages === 1 ? "1 message" : `${messages} messages`}, ${sizeText(bytes)}\n`;
