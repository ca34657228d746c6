/** Replies (RFC 1939 3) with response codes (RFC 2449 8, RFC 3206), as values. */
import type { StoreErrorCode } from "postern/plugin";

export type Code = "AUTH" | "IN-USE" | "SYS/PERM" | "SYS/TEMP";

export interface Reply {
  readonly isOk: boolean;
  readonly code: Code | null;
  readonly text: string;
  /** The client broke the syntax or the order of commands: too many of these end the session. */
  readonly isMistake: boolean;
}

export const ok = (text: string): Reply => ({ isOk: true, code: null, text, isMistake: false });
export const err = (text: string, code: Code | null = null): Reply => ({ isOk: false, code, text, isMistake: false });
export const mistake = (text: string): Reply => ({ isOk: false, code: null, text, isMistake: true });

// RFC 2449 4: 512 octets with CRLF; texts come from plugins too.
const onOneLine = (text: string): string => text.replace(/[^\u0020-\u007e]/gu, "?").slice(0, 400);

export const formatReply = ({ isOk, code, text }: Reply): string =>
  `${isOk ? "+OK" : "-ERR"} ${code === null ? "" : `[${code}] `}${onOneLine(text)}\r\n`;

const storeReplies: Readonly<Record<StoreErrorCode, Reply>> = {
  nonexistent: err("The mailbox is gone", "SYS/TEMP"),
  alreadyExists: err("Try again later", "SYS/TEMP"),
  cannot: err("This login has no mailbox", "SYS/PERM"),
  overQuota: err("The mailbox is full", "SYS/TEMP"),
  noPermission: err("The mailbox may not be used", "SYS/PERM"),
  inUse: err("The mailbox is in use", "IN-USE"),
  expunged: err("The message is gone"),
  limit: err("A limit of this server is reached", "SYS/TEMP"),
  corruption: err("The mailbox is damaged", "SYS/PERM"),
  unavailable: err("The mailbox is not available now", "SYS/TEMP"),
};

/** The answer to a `StoreError`, told by its `code`; `null` for any other fault. */
export function storeReply(fault: unknown): Reply | null {
  const code = fault instanceof Error && "code" in fault ? fault.code : undefined;
  return typeof code === "string" && Object.hasOwn(storeReplies, code) ? storeReplies[code as StoreErrorCode] : null;
}
