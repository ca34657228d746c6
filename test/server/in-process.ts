/** One server from a config file, in this process: for tests that look at plugins together, and not at processes. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadConfig } from "../../core/app/config/load-config.ts";
import { prepareDataDirectory } from "../../core/app/data-directory.ts";
import { createNotifier } from "../../core/app/notifier.ts";
import { openServer, type Server } from "../../core/app/server.ts";
import { keptLog, type LogLine } from "../../core/testing/kernel.ts";

export interface InProcess {
  readonly server: Server;
  /** In the order of the config. */
  readonly ports: readonly number[];
  readonly lines: readonly LogLine[];
}

/** `config` without `hostname`, which is mx.example.org, `dataDir` and `log`. Close the server. */
export async function startInProcess(directory: string, config: string): Promise<InProcess> {
  const file = join(directory, "postern.config.yaml");
  await writeFile(file, `hostname: mx.example.org\ndataDir: data\nlog: { level: error }\n${config}`);
  const loaded = await loadConfig({ file, cwd: directory });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.mistakes));
  await prepareDataDirectory(loaded.config.dataDir, null);
  const { log, lines } = keptLog();
  const server = await openServer({
    ...{ config: loaded.config, slot: 0, listens: true, log, clock: Date, notifier: createNotifier(null) },
    flushElsewhere: null,
    dropPrivileges: () => undefined,
  });
  return { server, lines, ports: server.listeners.map(({ at }) => Number(at.split(":").at(-1))) };
}
