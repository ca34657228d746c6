/** The config of a command: loaded, with its warnings said; its mistakes are the command's failure. */
import { loadConfig } from "../app/config/load-config.ts";
import { type Mistake, renderMistakes } from "../app/config/mistake.ts";
import type { ServerConfig } from "../app/config/server-config.ts";
import { exitCodes } from "../app/start-error.ts";
import { CommandError } from "./command-error.ts";
import type { Terminal } from "./terminal.ts";

export interface ConfigOption {
  readonly config?: string;
}

export async function configOf({ config: file }: ConfigOption, terminal: Terminal): Promise<ServerConfig> {
  const { cwd } = terminal;
  const loaded = await loadConfig({ file, cwd });
  if (!loaded.ok) throw new CommandError(mistakesText(loaded.mistakes, cwd), exitCodes.config);
  if (loaded.warnings.length > 0) terminal.err.write(`${renderMistakes(loaded.warnings, cwd)}\n`);
  return loaded.config;
}

function mistakesText(mistakes: readonly Mistake[], cwd: string): string {
  const errors = mistakes.filter(({ severity }) => severity === "error").length;
  const count = errors === 1 ? "1 mistake" : `${errors} mistakes`;
  return `the config has ${count}\n${renderMistakes(mistakes, cwd)}`;
}
