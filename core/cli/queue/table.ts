/** Waiting messages as people read them: one line each, and a second one for what was said last. Nothing is collected: a list may be long. */
import type { ListedMessage, ShownMessage } from "../../control/request.ts";
import { formatSize } from "../../kernel/units.ts";
import { safeText } from "../../mail/header.ts";

const widths = [16, 8, 8, 7, 9, 6, 28];

export const tableHead = `${row(["ID", "STATE", "SIZE", "AGE", "NEXT TRY", "TRIES", "SENDER", "RECIPIENTS"])}\n`;

export function tableRow(message: ListedMessage, nowMs: number): string {
  const { id, state, sizeBytes, acceptedAt, dueAt, attempts, reversePath, open, openCount, hold, lastReply } = message;
  const recipients = `${open[0] ?? "-"}${openCount > 1 ? ` +${openCount - 1}` : ""}`;
  const first = row([
    id,
    state,
    formatSize(roughly(sizeBytes)),
    ago(nowMs - acceptedAt),
    state === "waiting" ? nextTry(dueAt, nowMs) : "-",
    String(attempts),
    reversePath === null ? "<>" : safeText(reversePath),
    safeText(recipients),
  ]);
  const why = hold ?? (lastReply && saidBy(lastReply));
  return why === null ? `${first}\n` : `${first}\n    ${safeText(why)}\n`;
}

export const saidBy = ({ code, status, text, host }: NonNullable<ListedMessage["lastReply"]>): string =>
  `${host === null ? "" : `${host}: `}${code} ${status === null ? "" : `${status} `}${text}`;

/** The last one ends the line. In one string: a list has a hundred thousand rows. */
function row(cells: readonly string[]): string {
  let text = "";
  for (const [index, width] of widths.entries()) text += `${(cells[index] ?? "").padEnd(width)} `;
  return text + (cells[widths.length] ?? "");
}

/** Two places are enough for a reader. */
const roughly = (bytes: number): number => {
  const unit = bytes >= 1024 * 1024 ? 1024 * 1024 : bytes >= 1024 ? 1024 : 1;
  return Math.round(bytes / unit) * unit;
};

const UNITS: readonly (readonly [string, number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
];

function ago(ms: number): string {
  for (const [name, unitMs] of UNITS) if (ms >= unitMs) return `${Math.floor(ms / unitMs)}${name}`;
  return `${Math.max(0, Math.floor(ms / 1_000))}s`;
}

const nextTry = (dueAt: number, nowMs: number): string => (dueAt <= nowMs ? "now" : `in ${ago(dueAt - nowMs)}`);

/** One message with all that is known of it. */
export function shownText({ envelope, state, queueState, sizeBytes }: ShownMessage): string {
  const { session } = envelope;
  const lines: (readonly [string, string | null])[] = [
    ["Id", envelope.id],
    ["State", queueState],
    ["Held", envelope.hold],
    ["Accepted", new Date(envelope.acceptedAt).toISOString()],
    ["Origin", envelope.origin],
    ["Client", session && `${session.remote.hostname ?? "unknown"} [${session.remote.address}]`],
    ["Login", session?.login ?? null],
    ["Sender", envelope.reversePath ?? "<>"],
    ["Envelope id", envelope.envid],
    ["Size", formatSize(sizeBytes)],
    ["Tries", String(state.attempts)],
    ["Next try", envelope.hold !== null ? null : state.dueAt === 0 ? "now" : new Date(state.dueAt).toISOString()],
    ["Delay told", state.warnedAt === null ? null : new Date(state.warnedAt).toISOString()],
    ["Route", envelope.route && `${envelope.route.transport}:${envelope.route.nextHop ?? ""}`],
    ["Last answer", state.lastReply && saidBy(state.lastReply)],
  ];
  const facts = lines.flatMap(([name, text]) => (text === null ? [] : [`${`${name}:`.padEnd(13)}${safeText(text)}`]));
  const labels = Object.entries(envelope.labels).map(([name, value]) =>
    safeText(`  ${name}: ${JSON.stringify(value)}`),
  );
  const recipients = envelope.recipients.flatMap(({ id, address, parents }) => {
    const outcome = state.outcomes[id];
    const from = parents[0] === undefined ? "" : ` (for ${parents[0]})`;
    return [
      safeText(`  ${address}${from}: ${outcome?.at ?? "not tried yet"}`),
      ...(outcome ? [safeText(`    ${saidBy(outcome.reply)}`)] : []),
    ];
  });
  const parts = [...facts, "Recipients:", ...recipients, ...(labels.length > 0 ? ["Labels:", ...labels] : [])];
  return `${parts.join("\n")}\n`;
}

/** One line for programs. JSON leaves C1 controls as they are, and a sender may have chosen one: a terminal would obey it. */
export const jsonLine = (value: object): string =>
  `${JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )}\n`;

/** `3 messages, 12KiB` */
export const totals = (messages: number, bytes: number): string =>
  `${messages === 1 ? "1 message" : `${messages} messages`}, ${formatSize(roughly(bytes))}\n`;
