/** How a command ends: the tagged response (RFC 3501 7.1), as a value. */
import type { StoreErrorCode } from "postern/plugin";

/** Response codes of RFC 3501 7.1, RFC 4315 and RFC 5530 that stand alone. */
export type Code =
  | "ALREADYEXISTS"
  | "AUTHENTICATIONFAILED"
  | "AUTHORIZATIONFAILED"
  | "CANNOT"
  | "CLIENTBUG"
  | "COMPRESSIONACTIVE"
  | "CONTACTADMIN"
  | "CORRUPTION"
  | "EXPUNGEISSUED"
  | "HASCHILDREN"
  | "INUSE"
  | "LIMIT"
  | "NONEXISTENT"
  | "NOTIFICATIONOVERFLOW"
  | "NOPERM"
  | "OVERQUOTA"
  | "PRIVACYREQUIRED"
  | "READ-ONLY"
  | "READ-WRITE"
  | "SERVERBUG"
  | "TOOBIG"
  | "TRYCREATE"
  | "UNAVAILABLE"
  | "UNKNOWN-CTE"
  | "USEATTR"
  | `APPENDUID ${string}`
  | `BADCHARSET ${string}`
  | `BADEVENT (${string})`
  | `BADURL ${string}`
  | `CAPABILITY ${string}`
  | `COPYUID ${string}`
  | `MAILBOXID (${string})`
  | `METADATA ${string}`
  | `HIGHESTMODSEQ ${number}`
  | `MODIFIED ${string}`;

export interface Reply {
  readonly condition: "OK" | "NO" | "BAD";
  readonly code: Code | null;
  readonly text: string;
}

export const ok = (text: string, code: Code | null = null): Reply => ({ condition: "OK", code, text });
export const no = (text: string, code: Code | null = null): Reply => ({ condition: "NO", code, text });
export const bad = (text: string, code: Code | null = null): Reply => ({ condition: "BAD", code, text });

export const formatReply = (tag: string, { condition, code, text }: Reply): string =>
  code === null ? `${tag} ${condition} ${text}` : `${tag} ${condition} [${code}] ${text}`;

const storeReplies: Readonly<Record<StoreErrorCode, Reply>> = {
  nonexistent: no("No such mailbox", "NONEXISTENT"),
  alreadyExists: no("Mailbox already exists", "ALREADYEXISTS"),
  cannot: no("That cannot be done with this mailbox", "CANNOT"),
  overQuota: no("Quota is exceeded", "OVERQUOTA"),
  noPermission: no("Permission denied", "NOPERM"),
  inUse: no("Mailbox is in use", "INUSE"),
  expunged: no("Some of the messages no longer exist", "EXPUNGEISSUED"),
  limit: no("A limit of this server is reached", "LIMIT"),
  corruption: no("Mailbox is damaged", "CORRUPTION"),
  unavailable: no("Mailbox is not available now, try again later", "UNAVAILABLE"),
};

/** The answer to a `StoreError`, told by its `code`; `null` if `fault` is none. */
export function storeReply(fault: unknown): Reply | null {
  const code = fault instanceof Error ? (fault as { code?: unknown }).code : undefined;
  return typeof code === "string" && Object.hasOwn(storeReplies, code) ? storeReplies[code as StoreErrorCode] : null;
}

export const isStoreError = (fault: unknown, code: StoreErrorCode): boolean => storeReply(fault) === storeReplies[code];
