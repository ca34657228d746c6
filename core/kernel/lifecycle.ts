/** Starts plugins in the order of needs and stops them in reverse. A plugin that cannot stop is logged and left behind. */
import { causeText } from "./fault.ts";
import { KernelError } from "./kernel-error.ts";
import { type LivePlugin, within } from "./setup.ts";
import { runAs } from "./strays.ts";

const startTimeoutMs = 120_000;
const stopTimeoutMs = 30_000;

export async function startAll(plugins: readonly LivePlugin[]): Promise<void> {
  const started: LivePlugin[] = [];
  for (const plugin of plugins) {
    const { entry, live } = plugin;
    try {
      await within(startTimeoutMs, () => runAs(entry, async () => live.start?.()));
      started.push(plugin);
    } catch (cause) {
      await stopAll([...started, plugin]);
      const text = `start failed: ${causeText(cause)}`;
      throw new KernelError([{ entry: entry.id, where: entry.where, text, cause }]);
    }
  }
}

export async function stopAll(plugins: readonly LivePlugin[]): Promise<void> {
  for (const { entry, live, log } of plugins.toReversed()) {
    try {
      await within(stopTimeoutMs, () => runAs(entry, async () => live.stop?.()));
    } catch (cause) {
      log.error({ entry: entry.id, cause: causeText(cause) }, `${entry.id} cannot stop: ${causeText(cause)}`);
    }
  }
}
