/**
 * Who provides which service to whom, read from the plugins without running them. Finds second providers, missing needs and
 * cycles, and the order in which entries are set up: the operator's order, but for providers, which come first.
 */
import type { Service } from "../contracts/service.ts";
import type { PluginEntry } from "./entry.ts";
import type { Mistake } from "./kernel-error.ts";
import { nearest } from "./load/nearest.ts";

export type CoreService = readonly [token: Service<unknown>, implementation: unknown];

export interface StartOrder {
  readonly entries: readonly PluginEntry[];
  readonly mistakes: readonly Mistake[];
}

const tokensOf = (tokens: Readonly<Record<string, Service<unknown>>> | undefined): readonly Service<unknown>[] =>
  Object.values(tokens ?? {});

/** Whether some entry provides this service, so that core leaves its own out. */
export const isProvided = (entries: readonly PluginEntry[], token: Service<unknown>): boolean =>
  entries.some(({ plugin }) => tokensOf(plugin.provides).some(({ name }) => name === token.name));

export function orderByNeeds(entries: readonly PluginEntry[], core: ReadonlySet<string>): StartOrder {
  const mistakes: Mistake[] = [];
  const mistake = ({ id, where }: PluginEntry, text: string) => mistakes.push({ entry: id, where, text });
  const providers = new Map<string, PluginEntry>();
  for (const entry of entries) {
    for (const { name } of tokensOf(entry.plugin.provides)) {
      const first = providers.get(name);
      if (core.has(name)) mistake(entry, `provides ${name}, which this server provides itself`);
      else if (first) mistake(entry, `provides ${name}, which ${first.id} provides already`);
      else providers.set(name, entry);
    }
  }
  const known = [...core, ...providers.keys()];
  for (const entry of entries) {
    for (const { name, isOptional } of tokensOf(entry.plugin.needs)) {
      if (isOptional || core.has(name) || providers.has(name)) continue;
      mistake(entry, `needs ${name}, which nobody provides${hint(name, known)}`);
    }
  }
  const sorted = sort(entries, providers);
  if (sorted.cycle) {
    const [first] = sorted.cycle;
    const circle = sorted.cycle.map(({ id }) => id).join(" needs ");
    if (first) mistake(first, `needs itself: ${circle} needs ${first.id}`);
  }
  return { entries: sorted.entries, mistakes };
}

function hint(name: string, known: readonly string[]): string {
  const [base] = name.split("@");
  const otherMajor = known.find((one) => one.startsWith(`${base}@`));
  const near = otherMajor ?? nearest(name, known);
  return near ? `; there is ${near}` : "";
}

/** Depth first in the operator's order, which thereby stays wherever needs do not say otherwise. */
function sort(entries: readonly PluginEntry[], providers: ReadonlyMap<string, PluginEntry>) {
  const sorted = new Set<PluginEntry>();
  const path: PluginEntry[] = [];
  let cycle: readonly PluginEntry[] | null = null;
  const visit = (entry: PluginEntry) => {
    if (sorted.has(entry)) return;
    const at = path.indexOf(entry);
    if (at >= 0) {
      cycle ??= path.slice(at);
      return;
    }
    path.push(entry);
    for (const { name } of tokensOf(entry.plugin.needs)) {
      const provider = providers.get(name);
      if (provider) visit(provider);
    }
    path.pop();
    sorted.add(entry);
  };
  for (const entry of entries) visit(entry);
  return { entries: [...sorted], cycle: cycle as readonly PluginEntry[] | null };
}
