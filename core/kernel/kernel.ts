/**
 * The kernel: makes one running whole of the operator's plugins and answers the rooms of the core. `createKernel` rejects with a
 * `KernelError` that has all mistakes at once; after that nothing here throws or rejects but `start`.
 */
import type { Delivery } from "../contracts/delivery.ts";
import type { HookName } from "../contracts/hooks.ts";
import type { Kernel } from "../contracts/kernel.ts";
import type { Connection } from "../contracts/session.ts";
import { Spool } from "../contracts/spool.ts";
import { Chains } from "./chains.ts";
import type { PluginEntry } from "./entry.ts";
import { checkEntries, checkOrder, type EntryFinding } from "./entry-check.ts";
import { type ChainDescription, describeChains } from "./explain.ts";
import { causeText } from "./fault.ts";
import { KernelError, type Mistake } from "./kernel-error.ts";
import { startAll, stopAll } from "./lifecycle.ts";
import { type CoreService, orderByNeeds } from "./services.ts";
import { type LivePlugin, type Surroundings, setUp, within } from "./setup.ts";
import { forgetStrays, knowStrays } from "./strays.ts";
import { tapsOf } from "./taps.ts";

export interface CoreParts extends Surroundings {
  /** What core provides. A function, if the services themselves ask the kernel; it is called before any `setup`. */
  readonly services: readonly CoreService[] | ((kernel: Kernel) => readonly CoreService[]);
}

export interface KernelRuntime extends Kernel {
  /** In the order of needs. Rejects with a `KernelError`; what had been started is stopped again then. */
  start(): Promise<void>;
  /** In reverse order, after pending notices. Never rejects. */
  stop(): Promise<void>;
  /** For `postern explain`. */
  chains(): readonly ChainDescription[];
  /** For `postern check`: the order that plugins ask for, and what they find themselves. Starts nothing. */
  check(): Promise<readonly EntryFinding[]>;
}

/** Reads, checks and sets up; starts nothing. */
export async function createKernel(entries: readonly PluginEntry[], core: CoreParts): Promise<KernelRuntime> {
  const services = new Map<string, unknown>();
  const chains = new Chains(() => service(Spool).receive(null));
  const roles = new Map<string, (connection: Connection) => void>();
  const service: Kernel["service"] = (token) => {
    if (!services.has(token.name)) throw new Error(`nobody provides ${token.name}`);
    return services.get(token.name) as never;
  };
  const kernel: Kernel = {
    policy: (hook, ...args) => chains.policy[hook].ask(args),
    claim: (hook, ...args) => chains.claim[hook].ask(args) as never,
    transform: async (hook, envelope, message) => chains.transform[hook].ask(envelope, message),
    deliver: (delivery: Delivery, offered?: (by: string) => void) => chains.share.offer(delivery, offered),
    notice: (hook, ...args) => chains.notice[hook].tell(args),
    hears: (hook: HookName) => chains.hears(hook),
    service,
    roles,
  };
  const fromCore = typeof core.services === "function" ? core.services(kernel) : core.services;
  for (const [token, implementation] of fromCore) services.set(token.name, implementation);

  const order = orderByNeeds(entries, new Set(services.keys()));
  const mistakes: Mistake[] = [...checkEntries(entries), ...order.mistakes];
  if (mistakes.length > 0) throw new KernelError(mistakes);

  knowStrays(entries);
  const { plugins, mistakes: made } = await setUp(order.entries, services, core);
  if (made.length > 0) {
    await stopAll(plugins);
    forgetStrays(entries);
    throw new KernelError(made);
  }
  for (const plugin of inOperatorsOrder(plugins, entries)) {
    for (const tap of tapsOf(plugin)) chains.add(tap);
    for (const role of plugin.entry.plugin.serves ?? []) {
      const serve = plugin.live.serve?.[role];
      if (serve) roles.set(role, serve);
    }
  }
  const findings = checkOrder(entries);
  for (const { entry, text } of findings) core.log.warn({ entry }, text);

  return {
    ...kernel,
    start: () => startAll(plugins),
    async stop() {
      await chains.settled();
      await stopAll(plugins);
      forgetStrays(entries);
    },
    chains: () => describeChains(chains.taps),
    check: async () => [...findings, ...(await Promise.all(plugins.map(ownFindings))).flat()],
  };
}

const inOperatorsOrder = (plugins: readonly LivePlugin[], entries: readonly PluginEntry[]): readonly LivePlugin[] =>
  entries.flatMap((entry) => plugins.find((plugin) => plugin.entry === entry) ?? []);

const checkTimeoutMs = 60_000;

async function ownFindings({ entry, live }: LivePlugin): Promise<readonly EntryFinding[]> {
  const { id, where } = entry;
  try {
    const findings = await within(checkTimeoutMs, async () => live.check?.());
    return (findings ?? []).map((finding) => ({ ...finding, entry: id, where }));
  } catch (cause) {
    return [{ entry: id, where, severity: "error", text: `its check failed: ${causeText(cause)}` }];
  }
}
