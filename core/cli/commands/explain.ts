/** `postern explain`: who is asked what, in which order, and what happens if nobody answers. */
import type { ChainDescription, ChainLink } from "../../kernel/explain.ts";
import { nearest } from "../../kernel/load/nearest.ts";
import { formatDuration } from "../../kernel/units.ts";
import { usageError } from "../command-error.ts";
import { type ConfigOption, configOf } from "../config.ts";
import { openOfflineKernel } from "../offline-kernel.ts";
import type { Terminal } from "../terminal.ts";

export interface ExplainOptions extends ConfigOption {
  readonly all?: boolean;
}

export async function explain(hook: string | undefined, options: ExplainOptions, terminal: Terminal): Promise<void> {
  const config = await configOf(options, terminal);
  const { kernel } = await openOfflineKernel(config);
  try {
    const chains = kernel.chains();
    terminal.out.write(
      `${chosen(chains, hook, options.all === true)
        .map(chainText)
        .join("\n\n")}\n`,
    );
    if (hook === undefined && options.all !== true) terminal.out.write(emptyText(chains));
  } finally {
    await kernel.stop();
  }
}

function chosen(
  chains: readonly ChainDescription[],
  hook: string | undefined,
  all: boolean,
): readonly ChainDescription[] {
  if (hook === undefined) return chains.filter(({ links }) => all || links.length > 0);
  const found = chains.filter((chain) => chain.hook === hook);
  if (found.length > 0) return found;
  const names = chains.map((chain) => chain.hook);
  const near = nearest(hook, names);
  throw usageError(
    `there is no hook "${hook}"${near === null ? `; there are ${names.join(", ")}` : `; did you mean "${near}"?`}`,
  );
}

function chainText({ hook, kind, when, unanswered, links }: ChainDescription): string {
  const width = Math.max(0, ...links.map(({ entry }) => entry.length));
  return [
    `${hook} (${kind}): ${when}`,
    ...links.map((link, n) =>
      `${String(n + 1).padStart(4)}. ${[link.entry.padEnd(width), ...switches(link)].join("  ")}`.trimEnd(),
    ),
    unanswered === "-" || unanswered === "" ? null : `      if nobody answers: ${unanswered}`,
  ]
    .filter((line) => line !== null)
    .join("\n");
}

function switches({ entry, plugin, when, shadow, timeoutMs, onFault }: ChainLink): readonly string[] {
  return [
    ...(entry === plugin ? [] : [`(${plugin})`]),
    ...(when?.role ? [`role ${when.role.join(" or ")}`] : []),
    ...(when?.listener ? [`listener ${when.listener.join(" or ")}`] : []),
    ...(shadow ? ["in shadow: asked, not obeyed"] : []),
    ...(onFault === "continue" ? ["on a fault: goes on"] : []),
    ...(Number.isFinite(timeoutMs) && timeoutMs > 0 ? [`at most ${formatDuration(timeoutMs)}`] : []),
  ];
}

function emptyText(chains: readonly ChainDescription[]): string {
  const empty = chains.filter(({ links }) => links.length === 0).map(({ hook }) => hook);
  return empty.length === 0 ? "" : `\nNobody listens to: ${empty.join(", ")}\n`;
}
