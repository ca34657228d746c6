/** What can be said about the operator's list before any plugin runs: twins, switches that do not fit, the order that plugins ask for. */
import type { Finding } from "./define.ts";
import type { PluginEntry } from "./entry.ts";
import type { Mistake } from "./kernel-error.ts";

/** Roles that core speaks. */
const coreRoles: ReadonlySet<string> = new Set(["mx", "submission", "lmtp", "reinject"]);
const longestTimeoutMs = 2 ** 31 - 1;

export interface EntryFinding extends Finding {
  readonly entry: string;
  readonly where: PluginEntry["where"];
}

export function checkEntries(entries: readonly PluginEntry[]): readonly Mistake[] {
  const mistakes: Mistake[] = [];
  const ids = new Set<string>();
  const servers = new Map<string, PluginEntry>();
  for (const entry of entries) {
    const mistake = (text: string) => mistakes.push({ entry: entry.id, where: entry.where, text });
    const { plugin, timeoutMs } = entry;
    if (ids.has(entry.id)) mistake(`there is another entry with this id; give one of them an id of its own`);
    ids.add(entry.id);
    if (plugin.api !== 1) mistake(`speaks plugin API ${String(plugin.api)}; this server speaks 1`);
    if (timeoutMs !== null && !(Number.isInteger(timeoutMs) && timeoutMs > 0 && timeoutMs <= longestTimeoutMs)) {
      mistake(`timeoutMs is a whole number from 1 to ${longestTimeoutMs}`);
    }
    for (const role of plugin.serves ?? []) {
      const first = servers.get(role);
      if (coreRoles.has(role)) mistake(`serves ${role}, which this server speaks itself`);
      else if (first) mistake(`serves ${role}, which ${first.id} serves already`);
      else servers.set(role, entry);
    }
    if (entry.shadow && (plugin.serves?.length || Object.keys(plugin.provides ?? {}).length)) {
      mistake("shadow is for policies; this plugin serves listeners or provides services");
    }
  }
  return mistakes;
}

/** `after` and `before` against the operator's order: checked, never sorted by. */
export function checkOrder(entries: readonly PluginEntry[]): readonly EntryFinding[] {
  const findings: EntryFinding[] = [];
  for (const [position, entry] of entries.entries()) {
    const say = (text: string) => findings.push({ entry: entry.id, where: entry.where, severity: "error", text });
    for (const glob of entry.plugin.after ?? []) {
      const late = entries.slice(position + 1).find((other) => matches(glob, other));
      if (late) say(`wants to come after ${glob}, but ${late.id} comes later in the list`);
    }
    for (const glob of entry.plugin.before ?? []) {
      const early = entries.slice(0, position).find((other) => matches(glob, other));
      if (early) say(`wants to come before ${glob}, but ${early.id} comes earlier in the list`);
    }
  }
  return findings;
}

function matches(glob: string, { id, plugin }: PluginEntry): boolean {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const pattern = new RegExp(`^${source}$`);
  return pattern.test(plugin.name) || pattern.test(id);
}
