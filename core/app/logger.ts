/**
 * The log: JSON lines by pino on standard output, pretty on a terminal. Lines wait a moment for others and leave together, and nobody
 * waits for them: a reader that is slow costs lines beyond a bound, never the mail; one that has gone stops nothing.
 * What is still held is written when the process ends; a `kill -9` may cost the lines of the last moment.
 */
import pino from "pino";
import type { Log } from "../contracts/log.ts";

export interface LogOptions {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly pretty: boolean | "auto";
}

/** Held for a reader that does not read; what comes on top is dropped, and counted. */
const HELD_BYTES = 8 * 1024 * 1024;
/** A write costs the server and its reader more than a line does: so long a line waits for others, unless they are that much already. */
const GATHER_MS = 20;
const GATHER_LENGTH = 16 * 1024;

export async function createLog(options: LogOptions, fields: object = {}): Promise<Log> {
  const isPretty = options.pretty === "auto" ? process.stdout.isTTY === true : options.pretty;
  const destination = isPretty
    ? await prettyOutput()
    : pino.destination({ dest: 1, sync: false, maxLength: HELD_BYTES });
  destination.on("error", ignoreBrokenPipe);
  const log: Log = pino(
    {
      level: options.level,
      base: fields,
      timestamp: timeField,
      formatters: { level: (label) => ({ level: label }) },
    },
    "flushSync" in destination ? gathered(destination) : destination,
  );
  tellDropped(destination, log);
  return log;
}

const prettyOutput = async () =>
  (await import("pino-pretty")).build({
    colorize: true,
    ignore: "pid,hostname",
    translateTime: "SYS:HH:MM:ss",
    sync: true,
  });

function gathered(destination: ReturnType<typeof pino.destination>): pino.DestinationStream {
  let lines = "";
  let timer: NodeJS.Timeout | null = null;
  const flush = () => {
    if (timer) clearTimeout(timer);
    timer = null;
    if (lines !== "") destination.write(lines);
    lines = "";
  };
  process.on("exit", () => {
    if (lines === "") return;
    flush();
    destination.flushSync();
  });
  return {
    write(line) {
      lines += line;
      if (lines.length >= GATHER_LENGTH) flush();
      else timer ??= setTimeout(flush, GATHER_MS);
    },
  };
}

let second = Number.NaN;
let upToSecond = "";
/** As pino's own `isoTime`; a date is written once a second, and not for each of thousands of lines. */
function timeField(): string {
  const nowMs = Date.now();
  const now = Math.floor(nowMs / 1_000);
  if (now !== second) {
    second = now;
    upToSecond = `,"time":"${new Date(now * 1_000).toISOString().slice(0, -"000Z".length)}`;
  }
  return `${upToSecond}${String(nowMs - now * 1_000).padStart(3, "0")}Z"`;
}

/** Once the reader reads again, the log says how much it has missed. */
function tellDropped(destination: NodeJS.EventEmitter, log: Log): void {
  let dropped = 0;
  destination.on("drop", (text: string) => {
    dropped += text.split("\n").length - 1;
  });
  destination.on("drain", () => {
    if (dropped === 0) return;
    const lines = dropped;
    dropped = 0;
    log.warn({ lines }, "log lines were dropped: whoever reads the log was too slow");
  });
}

/** Whoever read the log has left: mail goes on without it. */
function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") process.exitCode ??= 1;
}
