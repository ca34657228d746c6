/**
 * Runs each entry's `setup` in the order of needs and collects what it gave. Whatever goes wrong is a mistake that names
 * the entry; those that need a service of a plugin that failed are passed over, as there is nothing new to say about them.
 */
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { Service } from "../contracts/service.ts";
import { stateCell } from "./cells.ts";
import type { Context, Tokens } from "./define.ts";
import type { PluginEntry } from "./entry.ts";
import { causeText } from "./fault.ts";
import type { Mistake } from "./kernel-error.ts";
import { type AnyLive, checkLive } from "./live-check.ts";
import { isRecord } from "./shown.ts";
import { runAs } from "./strays.ts";

export interface Surroundings {
  readonly log: Log;
  readonly clock: Clock;
  readonly configDir: string;
}

export interface LivePlugin {
  readonly entry: PluginEntry;
  readonly live: AnyLive;
  readonly log: Log;
}

const setupTimeoutMs = 60_000;

/** `services` is filled with what plugins provide. */
export async function setUp(
  entries: readonly PluginEntry[],
  services: Map<string, unknown>,
  surroundings: Surroundings,
): Promise<{ readonly plugins: readonly LivePlugin[]; readonly mistakes: readonly Mistake[] }> {
  const plugins: LivePlugin[] = [];
  const mistakes: Mistake[] = [];
  for (const entry of entries) {
    const needs = resolve(entry.plugin.needs ?? {}, services);
    if (!needs) continue;
    const log = surroundings.log.child({ entry: entry.id, plugin: entry.plugin.name });
    const context: Context<Record<string, unknown>, Tokens> = {
      ...surroundings,
      id: entry.id,
      config: optionsOf(entry),
      needs,
      log,
      state: stateCell,
    };
    let live: unknown;
    try {
      live = await within(setupTimeoutMs, () => runAs(entry, () => entry.plugin.setup(context)));
    } catch (cause) {
      mistakes.push({ entry: entry.id, where: entry.where, text: `setup failed: ${setupText(cause)}`, cause });
      continue;
    }
    const found = checkLive(entry, live);
    mistakes.push(...found);
    if (typeof live !== "object" || live === null) continue;
    // With mistakes in it, it is kept only to be stopped.
    const made = live as AnyLive;
    plugins.push({ entry, live: made, log });
    if (found.length === 0) provide(entry.plugin.provides ?? {}, made, services);
  }
  return { plugins, mistakes };
}

/** A plain `Error` is what a plugin has to say to the operator; another one's name tells more than its text alone. */
const setupText = (cause: unknown): string =>
  cause instanceof Error && cause.name === "Error" && cause.message !== "" ? cause.message : causeText(cause);

/** Validated by the loader against the plugin's schema. */
const optionsOf = ({ options }: PluginEntry): Record<string, unknown> => (isRecord(options) ? { ...options } : {});

/** `null`: a provider has failed. */
function resolve(tokens: Tokens, services: ReadonlyMap<string, unknown>): Record<string, unknown> | null {
  const needs: Record<string, unknown> = {};
  for (const [key, token] of Object.entries(tokens)) {
    if (!services.has(token.name) && !token.isOptional) return null;
    needs[key] = services.get(token.name);
  }
  return needs;
}

function provide(tokens: Tokens, { provides }: AnyLive, services: Map<string, unknown>): void {
  const given: Readonly<Record<string, unknown>> = provides ?? {};
  for (const [key, token] of Object.entries(tokens) as [string, Service<unknown>][])
    services.set(token.name, given[key]);
}

/** Rejects when it has taken too long. */
export async function within<T>(timeoutMs: number, run: () => T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      run(),
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not done within ${timeoutMs / 1000} s`)), timeoutMs);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
