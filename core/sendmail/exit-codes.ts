/** How the command ends (sysexits.h): the programs that call it go by that, and so does whoever reads their logs. */
export const exitCodes = {
  ok: 0,
  usage: 64,
  dataError: 65,
  noUser: 67,
  unavailable: 69,
  cannotCreate: 73,
  ioError: 74,
  tempFail: 75,
  noPermission: 77,
} as const;

/** One message for the one who called, one exit code. Nothing was sent. */
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
