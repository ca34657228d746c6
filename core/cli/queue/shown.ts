/** What `postern queue show` says. */
import type { ShownMessage } from "../../control/request.ts";
import { saidBy } from "../../control/table.ts";
import { formatSize } from "../../kernel/units.ts";
import { safeText } from "../../mail/header.ts";

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
