/** What the spool throws besides `SpoolFull`. Texts are for logs, never for a client. */
import { SpoolFull } from "../contracts/spool.ts";

export type SpoolErrorCode =
  | "SPOOL_CLOSED" // the spool is shutting down
  | "SPOOL_BAD_ID" // an id that cannot stand in a file name
  | "SPOOL_DUPLICATE" // accept of an id that is there already
  | "SPOOL_UNKNOWN" // settle, reschedule or hold of a message that is not there
  | "SPOOL_DAMAGED" // what stands on disk is not what was written; it has been set aside
  | "SPOOL_FAILED"; // the disk failed; nothing was promised

export class SpoolError extends Error {
  readonly code: SpoolErrorCode;
  constructor(code: SpoolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export const errorCode = (error: unknown): string | null =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;

export const isMissing = (error: unknown): boolean => errorCode(error) === "ENOENT";

/** No room on the file system or in the quota is `SpoolFull`; everything else stays what it is. */
export function asSpoolFailure(error: unknown): Error {
  const code = errorCode(error);
  if (code === "ENOSPC" || code === "EDQUOT") return new SpoolFull("no space left for the spool", { cause: error });
  if (error instanceof Error) return error;
  return new SpoolError("SPOOL_FAILED", "the spool failed", { cause: error });
}

/** For what may have gone already. */
export async function ignoreMissing(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
