/** Why sendmail(1) could not do what it was asked. */
import { exitCodes } from "../kernel/exit-codes.ts";

/** One message for the one who called, one exit code. Nothing was sent, unless a session broke off after it had taken a message. */
export class SendmailError extends Error {
  readonly code = "SENDMAIL_FAILED";
  readonly exitCode: number;
  constructor(text: string, exitCode: number, options?: ErrorOptions) {
    super(text, options);
    this.exitCode = exitCode;
  }
}

const BY_CODE: Readonly<Record<string, number>> = {
  EACCES: exitCodes.noPermission,
  EPERM: exitCodes.noPermission,
  // The server has never run, or its directory was taken away.
  ENOENT: exitCodes.unavailable,
  EROFS: exitCodes.cannotCreate,
  ENOTDIR: exitCodes.cannotCreate,
  ELOOP: exitCodes.cannotCreate,
};

/** A failure to leave the message. What is not known may pass: full disks and quotas, tables that are full. */
export function cannotLeave(cause: unknown, maildrop: string): SendmailError {
  const { code = "", message } = cause as NodeJS.ErrnoException;
  const text = `the message cannot be left in ${maildrop} (${code || message})`;
  return new SendmailError(text, BY_CODE[code] ?? exitCodes.tempFail, { cause });
}
