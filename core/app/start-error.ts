/** Why the server did not start, in one message for the administrator and one exit code of sysexits.h. */
import { exitCodes } from "../kernel/exit-codes.ts";

export class StartError extends Error {
  readonly code = "START_FAILED";
  readonly exitCode: number;
  constructor(text: string, exitCode: number, options?: ErrorOptions) {
    super(text, options);
    this.exitCode = exitCode;
  }
}

const BY_CODE: Readonly<Record<string, number>> = {
  LISTEN_FAILED: exitCodes.unavailable,
  CERTIFICATE_UNUSABLE: exitCodes.config,
  PLUGIN_MISTAKE: exitCodes.config,
  DIRECTORY_IN_USE: exitCodes.tempFail,
  EACCES: exitCodes.noPermission,
  EPERM: exitCodes.noPermission,
  EROFS: exitCodes.cannotCreate,
  ENOSPC: exitCodes.cannotCreate,
  ENOTDIR: exitCodes.cannotCreate,
};

/** Any failure at the start as a `StartError`; its text is the failure's own. */
export function asStartError(cause: unknown): StartError {
  if (cause instanceof StartError) return cause;
  const error = cause instanceof Error ? cause : new Error(String(cause));
  const code = (error as NodeJS.ErrnoException).code;
  return new StartError(error.message, BY_CODE[code ?? ""] ?? exitCodes.software, { cause });
}
