/** `postern check`: everything that can be known to be wrong before the server starts. Opens nothing for writing. */
import { relative } from "node:path";
import { loadConfig } from "../../app/config/load-config.ts";
import { renderMistakes } from "../../app/config/mistake.ts";
import { KernelError } from "../../kernel/kernel-error.ts";
import { checkCertificates } from "../check/certificates.ts";
import { checkDns } from "../check/dns.ts";
import { errorAt, type Finding } from "../check/finding.ts";
import { checkLocalMail } from "../check/local-mail.ts";
import { checkMailboxIndex } from "../check/mailbox-index.ts";
import { checkDataDir, checkFreeSpace, checkPorts, checkUser } from "../check/places.ts";
import { checkPostmaster, checkRoutes } from "../check/routes.ts";
import { checkSharing } from "../check/sharing.ts";
import { checkTables } from "../check/tables.ts";
import { CommandError } from "../command-error.ts";
import type { ConfigOption } from "../config.ts";
import { openOfflineKernel } from "../offline-kernel.ts";
import type { Terminal } from "../terminal.ts";

export interface CheckOptions extends ConfigOption {
  readonly dns?: boolean;
}

/** Whether the server may be started: 0, or 1. Warnings alone are no reason against it. */
export async function check(options: CheckOptions, terminal: Terminal): Promise<0 | 1> {
  const { cwd, out } = terminal;
  const loaded = await loadConfig({ file: options.config, cwd });
  const mistakes = loaded.ok ? loaded.warnings : loaded.mistakes;
  if (mistakes.length > 0) out.write(`${renderMistakes(mistakes, cwd)}\n`);
  if (!loaded.ok) return summary(mistakes.filter(({ severity }) => severity === "error").length, terminal);

  const { config } = loaded;
  const findings: Finding[] = [
    ...(await checkCertificates(config, Date.now())),
    ...(await checkPorts(config)),
    ...(await checkDataDir(config)),
    ...(await checkLocalMail(config)),
    ...(await checkMailboxIndex(config)),
    ...(await checkFreeSpace(config)),
    ...checkUser(config),
  ];
  try {
    const offline = await openOfflineKernel(config);
    try {
      const ofPlugins = await offline.kernel.check();
      findings.push(...ofPlugins.map(({ entry, ...finding }) => ({ ...finding, about: entry })));
      findings.push(...(await checkTables(offline)), ...(await checkSharing(config, offline)));
      findings.push(...checkRoutes(config, offline), ...(await checkPostmaster(config, offline)));
      if (options.dns === true) findings.push(...(await checkDns(config, offline.resolver)));
    } finally {
      await offline.kernel.stop();
    }
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    if (error.cause instanceof KernelError)
      findings.push(
        ...error.cause.mistakes.map(
          ({ entry, where, text }) => ({ severity: "error", about: entry, where, text }) as const,
        ),
      );
    else findings.push(errorAt(null, error.message));
  }
  for (const finding of findings) out.write(`${findingText(finding, cwd)}\n`);
  return summary(findings.filter(({ severity }) => severity === "error").length, terminal);
}

function findingText({ severity, about, where, text }: Finding, cwd: string): string {
  const place = where === null ? "" : `${relative(cwd, where.file)}:${where.line}: `;
  return `${place}${severity === "warning" ? "warning: " : ""}${about === null ? "" : `${about}: `}${text}`;
}

function summary(errors: number, { out }: Terminal): 0 | 1 {
  out.write(
    errors === 0
      ? "The server can be started.\n"
      : `${errors} ${errors === 1 ? "error" : "errors"}: the server would not work.\n`,
  );
  return errors === 0 ? 0 : 1;
}
