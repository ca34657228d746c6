/** The log: JSON lines by pino on standard output, pretty on a terminal. A reader that goes away never stops the server. */
import pino from "pino";
import type { Log } from "../contracts/log.ts";

export interface LogOptions {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly pretty: boolean | "auto";
}

export async function createLog(options: LogOptions, fields: object = {}): Promise<Log> {
  const isPretty = options.pretty === "auto" ? process.stdout.isTTY === true : options.pretty;
  const destination = isPretty
    ? (await import("pino-pretty")).build({
        colorize: true,
        ignore: "pid,hostname",
        translateTime: "SYS:HH:MM:ss",
        sync: true,
      })
    : pino.destination({ dest: 1, sync: true });
  destination.on("error", ignoreBrokenPipe);
  const log: Log = pino(
    {
      level: options.level,
      base: fields,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return log;
}

/** Whoever read the log has left: mail goes on without it. */
function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") process.exitCode ??= 1;
}
