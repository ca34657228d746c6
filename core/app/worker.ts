/**
 * A worker process: boots one server from the config, tells the primary, and drains when told to. SIGINT and SIGTERM reach
 * the whole process group; only the primary acts on them. If the primary is gone, nothing new is begun and the worker ends.
 */

import { exitCodes } from "../kernel/exit-codes.ts";
import { loadConfig } from "./config/load-config.ts";
import { renderMistakes } from "./config/mistake.ts";
import { findUser } from "./data-directory.ts";
import { createLog } from "./logger.ts";
import { type FromWorker, HEARTBEAT_MS, TASK_VARIABLE, type ToWorker, type WorkerTask } from "./messages.ts";
import { createNotifier, type LocalNotifier } from "./notifier.ts";
import { RootFiles } from "./root-files.ts";
import { openServer, type Server } from "./server.ts";
import { asStartError, StartError } from "./start-error.ts";

const tell = (message: FromWorker): void => {
  if (process.connected) process.send?.(message);
};

async function main(): Promise<void> {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  const task = JSON.parse(process.env[TASK_VARIABLE] ?? "") as WorkerTask;
  const notifier = createNotifier(task.isAlone ? null : { send: (topics) => tell({ is: "hint", topics }) });
  const rootFiles = new RootFiles(tell);
  const server = open(task, notifier, rootFiles);
  listenTo(server, notifier, rootFiles);
  try {
    tell({ is: "ready", listeners: (await server).listeners });
    setInterval(() => tell({ is: "alive" }), HEARTBEAT_MS).unref();
  } catch (cause) {
    const { message, exitCode } = asStartError(cause);
    process.send?.({ is: "failed", text: message, exitCode } satisfies FromWorker, () => process.exit(exitCode));
  }
}

async function open(task: WorkerTask, notifier: LocalNotifier, certificateReader: RootFiles): Promise<Server> {
  const loaded = await loadConfig({ file: task.configFile, cwd: process.cwd() });
  if (!loaded.ok) throw new StartError(renderMistakes(loaded.mistakes, process.cwd()), exitCodes.config);
  const { config } = loaded;
  const log = await createLog(config.log, task.slot === 0 ? {} : { worker: task.slot });
  const dropPrivileges = () => {
    if (config.user !== null) become(config.user);
  };
  const { slot, listens, isAlone } = task;
  const flushElsewhere = isAlone ? null : (domain: string) => tell({ is: "flush", domain });
  return openServer({
    config,
    slot,
    listens,
    picksUp: slot === 0,
    log,
    clock: Date,
    notifier,
    flushElsewhere,
    dropPrivileges,
    certificateReader,
  });
}

/** Sockets are bound by the primary, so nothing here needs root any more. */
function become(user: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = findUser(user);
  (process as { initgroups?: (user: string, gid: number) => void }).initgroups?.(user, gid);
  process.setgid?.(gid);
  process.setuid?.(uid);
}

function listenTo(server: Promise<Server>, notifier: LocalNotifier, rootFiles: RootFiles): void {
  let isEnding = false;
  const end = async () => {
    if (isEnding) return;
    isEnding = true;
    await server.then((opened) => opened.close());
    process.exit(0);
  };
  const endAnyway = () => void end().catch(() => process.exit(exitCodes.software));
  process.on("message", (message: ToWorker) => {
    if (message.is === "hint") for (const topic of message.topics) notifier.receive(topic);
    else if (message.is === "flush")
      void server.then(
        (opened) => opened.flush(message.domain),
        () => undefined,
      );
    else if (message.is === "file") rootFiles.receive(message);
    else endAnyway();
  });
  process.on("disconnect", endAnyway);
}

await main();
