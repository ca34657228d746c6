/** What the file system says, as a `StoreError`. Unknown faults become `unavailable`: the caller tries again later. */
import { StoreError, type StoreErrorCode } from "../contracts/mailbox-store.ts";

/** The errno name of a thrown value, or an empty string. */
export const errnoOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string" ? cause.code : "";

const CODES: Readonly<Record<string, readonly [StoreErrorCode, string]>> = {
  EDQUOT: ["overQuota", "The mailbox is full"],
  ENOSPC: ["unavailable", "No room on the disk"],
  EACCES: ["noPermission", "The mailbox may not be used"],
  EPERM: ["noPermission", "The mailbox may not be used"],
  EROFS: ["noPermission", "The mailbox cannot be written"],
  ELOOP: ["noPermission", "A link stands where mail should be"],
  ENAMETOOLONG: ["cannot", "The name is too long"],
};

const STORE_CODES: ReadonlySet<string> = new Set<StoreErrorCode>([
  "nonexistent",
  "alreadyExists",
  "cannot",
  "overQuota",
  "noPermission",
  "inUse",
  "expunged",
  "limit",
  "corruption",
  "unavailable",
]);

/** Told by its code: another copy of the class is as good. */
const isStoreError = (cause: unknown): cause is StoreError => cause instanceof Error && STORE_CODES.has(errnoOf(cause));

/** A `StoreError` for anything thrown; one that is a `StoreError` already is left as it is. */
export function storeError(cause: unknown): StoreError {
  if (isStoreError(cause)) return cause;
  const [code, text] = CODES[errnoOf(cause)] ?? ["unavailable", "The mailbox cannot be used now"];
  return new StoreError(code, text, { cause });
}

/** Runs a synchronous call and answers `false` where the file was not there. */
export function ignoreMissing(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return false;
    throw cause;
  }
}

/** For clean-up whose failure harms nobody: what stays behind is removed later with the other old files. */
export function attempt(work: () => void): void {
  try {
    work();
  } catch (cause) {
    if (errnoOf(cause) === "") throw cause;
  }
}
