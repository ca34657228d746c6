/** `postern tls-report`: how TLS with other domains went on one day, as RFC 8460 has it, a line of JSON for each domain. Changes nothing. */
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { keyValueDirectory } from "../../app/data-directory.ts";
import { exitCodes } from "../../kernel/exit-codes.ts";
import { jsonLine } from "../../kernel/json-line.ts";
import { createKeyValue } from "../../kv/key-value.ts";
import { becomeOwner } from "../become-owner.ts";
import { CommandError, usageError } from "../command-error.ts";
import { type ConfigOption, configOf } from "../config.ts";
import { openOfflineKernel } from "../offline-kernel.ts";
import { type Terminal, written } from "../terminal.ts";

export interface TlsReportOptions extends ConfigOption {
  readonly domain?: string;
}

const DAY_MS = 86_400_000;

/** Exit code: 1 if there is nothing to report. */
export async function tlsReport(
  given: string | undefined,
  options: TlsReportOptions,
  terminal: Terminal,
): Promise<0 | 1> {
  const day = dayOf(given ?? "yesterday");
  const config = await configOf(options, terminal);
  const directory = keyValueDirectory(config.dataDir);
  if (!existsSync(directory)) return nothing(day, terminal);
  const comeBack = becomeOwner(await stat(directory));
  const tell = (_: object, text: string) => void terminal.err.write(`postern: ${text}\n`);
  const log = { debug() {}, info() {}, warn: tell, error: tell, child: () => log };
  const keyValue = createKeyValue({ directory, ...config.keyValue, log, clock: Date });
  try {
    const { tlsReporters } = await openOfflineKernel(config, undefined, keyValue);
    const question = {
      day,
      domain: options.domain?.toLowerCase() ?? null,
      organization: config.origin,
      contact: config.postmaster.toString(),
    };
    let isAny = false;
    for (const reporter of tlsReporters.all) {
      for (const { report } of await reporter.reports(question)) {
        isAny = true;
        if (!(await written(terminal, jsonLine(report)))) return 0;
      }
    }
    return isAny ? 0 : nothing(day, terminal);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (cause instanceof CommandError) throw cause;
    const exitCode = code === "EACCES" ? exitCodes.noPermission : exitCodes.tempFail;
    throw new CommandError(`reports cannot be read from ${directory}: ${message}`, exitCode, { cause });
  } finally {
    await keyValue.close();
    comeBack();
  }
}

function nothing(day: string, { err }: Terminal): 1 {
  err.write(`postern: no session of ${day} was counted for a domain that wants reports\n`);
  return 1;
}

/** In UTC, as reports have it. */
function dayOf(text: string): string {
  const now = Date.now();
  if (text === "today") return isoDay(now);
  if (text === "yesterday") return isoDay(now - DAY_MS);
  const atMs = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  // 2026-02-30 is read as a day in March by some.
  if (Number.isNaN(atMs) || isoDay(atMs) !== text)
    throw usageError(`a day is today, yesterday or one such as 2026-01-31, not ${JSON.stringify(text)}`);
  return text;
}

const isoDay = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);
