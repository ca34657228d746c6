/**
 * `postern start`: sees that the data directory can be used and is ours alone, makes what a first start needs, and runs the
 * primary until it is told to end. Rejects with a `StartError` when the server cannot start.
 */
import { fileURLToPath } from "node:url";
import { lockDirectory } from "../kernel/directory-lock.ts";
import { ensureSelfSigned } from "../net/self-signed.ts";
import type { ServerConfig } from "./config/server-config.ts";
import { existingSlots, findUser, prepareDataDirectory } from "./data-directory.ts";
import { createLog } from "./logger.ts";
import type { WorkerTask } from "./messages.ts";
import { Primary } from "./primary.ts";
import { certificatePaths } from "./server-certificates.ts";
import { asStartError } from "./start-error.ts";
import { UnixSockets } from "./unix-sockets.ts";

/** A worker runs the same kind of file as we do: source from source, built from built. */
const workerFile = fileURLToPath(
  new URL(`./worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url),
);

/** `onPrepared` is called when the data directory is ours. Resolves when the server has ended after SIGTERM, SIGINT or SIGHUP. A second SIGINT ends it at once. */
export async function startServer(config: ServerConfig, onPrepared: () => Promise<void>): Promise<void> {
  const log = await createLog(config.log, {});
  const primary = await prepare(config).then(
    (tasks) =>
      new Primary({
        tasks,
        workerFile,
        execArgv: process.execArgv,
        log,
        certificatePaths: certificatePaths(config),
        sockets: new UnixSockets(config.listeners),
      }),
    (cause) => Promise.reject(asStartError(cause)),
  );
  await onPrepared();
  const ended = endBySignal(primary, (signal) => log.info({ signal }, "draining"));
  await primary.start();
  log.info({ pid: process.pid, hostname: config.hostname, config: config.configFile }, "ready");
  await ended;
  log.info({}, "ended");
}

async function prepare(config: ServerConfig): Promise<WorkerTask[]> {
  const owner = config.user === null ? null : findUser(config.user);
  await prepareDataDirectory(config.dataDir, owner);
  await lockDirectory(config.dataDir);
  if (config.tls?.at === "selfSigned") await ensureSelfSigned(config.tls.pairs[0], { hostname: config.hostname });
  const left = existingSlots(config.dataDir).filter((slot) => slot >= config.workers);
  const slots = [...Array.from({ length: config.workers }, (_, slot) => slot), ...left];
  return slots.map((slot) => ({
    slot,
    listens: slot < config.workers,
    configFile: config.configFile,
    isAlone: slots.length === 1,
  }));
}

function endBySignal(primary: Primary, begun: (signal: NodeJS.Signals) => void): Promise<void> {
  return new Promise((resolve) => {
    let isEnding = false;
    const end = (signal: NodeJS.Signals) => {
      if (isEnding) {
        if (signal === "SIGINT") primary.kill();
        return;
      }
      isEnding = true;
      begun(signal);
      void primary.stop().then(resolve);
    };
    // Nothing is read anew at SIGHUP, but whoever tries is not to cut sessions off.
    process.on("SIGTERM", end).on("SIGINT", end).on("SIGHUP", end);
  });
}
