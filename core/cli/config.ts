/** The config of a command: loaded, with its warnings said; its mistakes are the command's failure. */
import { findDataDir } from "../app/config/data-dir.ts";
import { type Mistake, renderMistakes } from "../app/config/mistake.ts";
import type { ServerConfig } from "../app/config/server-config.ts";
import { exitCodes } from "../kernel/exit-codes.ts";
import { CommandError } from "./command-error.ts";
import type { Terminal } from "./terminal.ts";

export interface ConfigOption {
  readonly config?: string;
}

/** The data directory alone: quick, and whatever else may be wrong with the config. */
export async function dataDirOf({ config: file }: ConfigOption, { cwd }: Terminal): Promise<string> {
  const found = await findDataDir({ file, cwd });
  if (!found.ok) throw new CommandError(mistakesText(found.mistakes, cwd), exitCodes.config);
  return found.dataDir;
}

export async function configOf({ config: file }: ConfigOption, terminal: Terminal): Promise<ServerConfig> {
  const { cwd } = terminal;
  const { loadConfig } = await import("../app/config/load-config.ts");
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
