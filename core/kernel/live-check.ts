/** Whether what `setup` gave is what a plugin may give: hooks that exist, what it promised, nothing misspelt. */
import type { Live, Tokens } from "./define.ts";
import type { PluginEntry } from "./entry.ts";
import { hookNames, hookRow, isHookName } from "./hook-table.ts";
import type { Mistake } from "./kernel-error.ts";
import { nearest } from "./load/nearest.ts";
import { isRecord, show } from "./shown.ts";

export type AnyLive = Live<Tokens>;

const keys = ["hooks", "serve", "provides", "check", "start", "stop"] as const;

export function checkLive(entry: PluginEntry, live: unknown): readonly Mistake[] {
  const texts: string[] = [];
  if (!isRecord(live)) {
    texts.push(`setup gave ${live === undefined ? "nothing; is a return missing?" : show(live)}`);
  } else {
    for (const key of Object.keys(live)) {
      if (!keys.some((known) => known === key)) {
        const hint = isHookName(key) ? '; hooks go into "hooks"' : didYouMean(nearest(key, keys));
        texts.push(`setup gave the unknown key "${key}"${hint}`);
      }
    }
    for (const key of ["check", "start", "stop"] as const) {
      if (live[key] !== undefined && typeof live[key] !== "function")
        texts.push(`setup gave a ${key} that is no function`);
    }
    texts.push(
      ...hookTexts(entry, live.hooks),
      ...serveTexts(entry, live.serve),
      ...provideTexts(entry, live.provides),
    );
  }
  return texts.map((text) => ({ entry: entry.id, where: entry.where, text }));
}

const didYouMean = (near: string | null) => (near ? `; did you mean "${near}"?` : "");

function* hookTexts(entry: PluginEntry, hooks: unknown): Generator<string> {
  if (hooks === undefined) return;
  if (!isRecord(hooks)) {
    yield "setup gave hooks that are no object";
    return;
  }
  for (const [name, handler] of Object.entries(hooks)) {
    if (!isHookName(name)) {
      yield `there is no hook "${name}"${didYouMean(nearest(name, hookNames))}`;
      continue;
    }
    if (handler === undefined) continue;
    if (typeof handler !== "function") yield `its handler of ${name} is no function`;
    const { kind } = hookRow(name);
    if (entry.shadow && kind !== "policy") yield `shadow is for policies; it also handles ${name}, which is a ${kind}`;
    if (entry.onFault === "continue" && (kind === "claim" || kind === "transform")) {
      yield `onFault: continue would lose or misdirect mail at ${name}, which is a ${kind}`;
    }
  }
}

function* serveTexts({ plugin }: PluginEntry, serve: unknown): Generator<string> {
  const roles = plugin.serves ?? [];
  const given = isRecord(serve) ? serve : {};
  for (const role of roles) {
    if (typeof given[role] !== "function") yield `it serves ${role}, but setup gave no function for it in serve`;
  }
  for (const role of Object.keys(given)) {
    if (!roles.includes(role))
      yield `setup gave a serve function for ${role}, which is not in serves${didYouMean(nearest(role, roles))}`;
  }
}

function* provideTexts({ plugin }: PluginEntry, provides: unknown): Generator<string> {
  const promised = Object.keys(plugin.provides ?? {});
  const given = isRecord(provides) ? provides : {};
  for (const key of promised) {
    if (given[key] === undefined || given[key] === null) yield `it provides ${key}, but setup did not give it`;
  }
  for (const key of Object.keys(given)) {
    if (!promised.includes(key))
      yield `setup provides ${key}, which the plugin does not promise${didYouMean(nearest(key, promised))}`;
  }
}
