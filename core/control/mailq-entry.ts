/** A waiting message as mailq(1) shows it, after Postfix: `*` is on its way, `!` is held; why it waits stands in parentheses. */
import { safeText } from "../mail/header.ts";
import type { ListedMessage } from "./request.ts";
import { saidBy } from "./table.ts";

const indent = " ".repeat(41);

export function mailqEntry(message: ListedMessage): string {
  const { id, state, sizeBytes, acceptedAt, reversePath, lastReply, hold, open, openCount } = message;
  const mark = state === "active" ? "*" : state === "held" ? "!" : " ";
  const when = new Date(acceptedAt)
    .toString()
    .slice(0, 24)
    .replace(/ \d{4} /, " ");
  const why = hold ?? (lastReply && saidBy(lastReply));
  const sender = reversePath === null ? "MAILER-DAEMON" : safeText(reversePath);
  return [
    `${id}${mark} ${String(sizeBytes).padStart(8)} ${when}  ${sender}`,
    ...(why === null ? [] : [`(${safeText(why)})`]),
    ...open.map((address) => `${indent}${safeText(address)}`),
    ...(openCount > open.length ? [`${indent}(and ${openCount - open.length} more)`] : []),
    "\n",
  ].join("\n");
}
