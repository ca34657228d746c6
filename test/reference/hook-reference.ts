/** The page `docs/reference/hooks.md`, from the hook table that the kernel itself goes by. */
import type { HookName } from "../../core/contracts/hooks.ts";
import { type HookKind, type HookRow, hookNames, hookRow } from "../../core/kernel/hook-table.ts";

const intro = `# Hooks

<!-- Generated from core/kernel/hook-table.ts: \`npx vitest run test/reference -u\` writes it anew. -->

A plugin's handlers sit in the \`hooks\` that its \`setup\` returns. They are asked in the order of the operator's list, with the
arguments named here and, last, the call, whose \`signal\` fires when the handler has had its time. They answer with a verdict, now
or later, and change nothing in place: what they want changed is part of an \`amend\`.

Whatever is no verdict of the hook defers: a throw, a rejection, a time-out, a forgotten \`return\`, a misspelt word, a reply text
with a line end in it. The log names entry, plugin, hook and cause.
`;

const kinds: readonly { readonly kind: HookKind; readonly title: string; readonly text: string }[] = [
  {
    kind: "policy",
    title: "Policies",
    text: `Asked in order until one refuses. \`proceed\` passes on, \`allow\` ends the chain without objection (it grants no relay),
\`amend\` passes on with changes; labels among them are visible to the next plugin at once. \`discard\` and \`quarantine\` are
remembered while later plugins still run: the gravest answer wins (reject, defer, quarantine, discard). Only policies may run in
\`shadow\`: asked, logged, without effect.`,
  },
  {
    kind: "claim",
    title: "Claims",
    text: `Asked in order until one says "mine" or refuses. \`proceed\` passes on. A fault is never "nobody": it defers.
\`onFault: continue\` is refused here.`,
  },
  {
    kind: "transform",
    title: "Transforms",
    text: `Each sees what the former made: header changes and a new body are made between two plugins. A fault defers the message; nothing
half-made goes on. \`onFault: continue\` is refused here.`,
  },
  {
    kind: "share",
    title: "Shares",
    text: `Offered in order; each plugin settles the recipients that it takes, one by one, and answers \`proceed\`: the rest goes on to the
next. After a fault the rest is deferred and offered to nobody else.`,
  },
  {
    kind: "notice",
    title: "Notices",
    text: "All are told, side by side, after the fact. Answers are not looked at; failures are logged and change nothing.",
  },
];

export function hookReference(): string {
  const sections = kinds.map(({ kind, title, text }) => {
    const rows = hookNames.map((hook) => [hook, hookRow(hook)] as const).filter(([, row]) => row.kind === kind);
    return `## ${title}\n\n${text}\n\n${rows.map(([hook, row]) => describe(hook, row)).join("\n")}`;
  });
  return `${intro}\n${sections.join("\n")}`;
}

function describe(hook: HookName, row: HookRow): string {
  const lines = [`### ${hook}(${[...row.arguments, "call"].join(", ")})`, "", capital(row.when), ""];
  if (row.verdicts.length > 0) lines.push(`- answers: ${row.verdicts.map((verdict) => `\`${verdict}\``).join(", ")}`);
  if (row.kind !== "notice") lines.push(`- if nobody answers: ${row.unanswered}`);
  const { fault } = row;
  if (fault) lines.push(`- a fault: ${fault.code} 4.${fault.detail}${fault.close ? ", and the connection ends" : ""}`);
  const afterwards = row.isRaced ? "" : "; then the signal fires, and the handler is waited for";
  lines.push(`- time: ${timeText(row.timeoutMs)}${afterwards}`, "");
  return lines.join("\n");
}

const capital = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? "" : "."}`;

const timeText = (timeoutMs: number) =>
  timeoutMs % 60_000 === 0 ? `${timeoutMs / 60_000} min` : `${timeoutMs / 1000} s`;
