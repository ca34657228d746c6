/** `postern start`: the server, in the foreground. */
import { type ConfigOption, configOf } from "../config.ts";
import { makeFirstAccount } from "../first-account.ts";
import type { Terminal } from "../terminal.ts";

/** Resolves when the server has drained and ended, after SIGTERM or SIGINT. */
export async function start(options: ConfigOption, terminal: Terminal): Promise<void> {
  const config = await configOf(options, terminal);
  // Only this command needs the rooms of the server.
  const { startServer } = await import("../../app/main.ts");
  await startServer(config, () => makeFirstAccount(config, terminal));
}
