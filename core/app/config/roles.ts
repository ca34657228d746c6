/** Roles: who serves which, and whether listeners and `when` name some that exist. */
import type { PluginEntry } from "../../kernel/entry.ts";
import { nearest } from "../../kernel/load/nearest.ts";
import type { Placed, Slip } from "./mistake.ts";
import type { ListenerConfig } from "./server-config.ts";

/** Spoken by core itself. */
export const coreRoles: readonly string[] = ["mx", "submission", "lmtp", "reinject"];

export interface RolesContext {
  readonly listeners: readonly Placed<ListenerConfig>[];
  readonly entries: readonly Placed<PluginEntry>[];
  /** Whether all listeners and all plugins of the file are among them: else it is not known what is missing. */
  readonly isComplete: boolean;
}

export function checkRoles({ listeners, entries, isComplete }: RolesContext): readonly Slip[] {
  const slips: Slip[] = [];
  const servers = new Map(coreRoles.map((role) => [role, "Postern itself"]));
  for (const { position, of } of entries) {
    for (const role of of.plugin.serves ?? []) {
      const other = servers.get(role);
      if (other !== undefined) {
        const text = `the role "${role}" is served by ${other} already`;
        slips.push({ path: ["plugins", position], plugin: of.use, text, expected: "one plugin a role" });
      } else servers.set(role, of.use);
    }
  }
  for (const { position, of } of listeners) {
    if (!isComplete || servers.has(of.role)) continue;
    slips.push({
      path: ["listeners", position, "role"],
      text: `nobody serves the role "${of.role}"`,
      expected: `one of: ${[...servers.keys()].join(", ")}; or a plugin that serves it`,
      suggestion: nearest(of.role, servers.keys()),
    });
  }
  const roles = new Set(listeners.map(({ of }) => of.role));
  const names = new Set(listeners.map(({ of }) => of.name));
  for (const { position, of } of entries) {
    const path = ["plugins", position];
    for (const role of of.plugin.serves ?? []) {
      if (!isComplete || roles.has(role)) continue;
      const text = `it serves the role "${role}", but no listener has it`;
      slips.push({ path, plugin: of.use, text, expected: `a listener with role: ${role}`, severity: "warning" });
    }
    if (isComplete) slips.push(...unmatched(of, "role", roles, path), ...unmatched(of, "listener", names, path));
  }
  return slips;
}

function unmatched(
  entry: PluginEntry,
  key: "role" | "listener",
  known: ReadonlySet<string>,
  path: Slip["path"],
): Slip[] {
  return (entry.when?.[key] ?? [])
    .filter((word) => !known.has(word))
    .map((word) => ({
      path: [...path, "when", key],
      plugin: entry.use,
      text: `no listener has the ${key === "role" ? "role" : "name"} "${word}"`,
      expected: `one of: ${[...known].join(", ")}`,
      suggestion: nearest(word, known),
    }));
}
