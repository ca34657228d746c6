/** Replies (RFC 1939 3) with response codes (RFC 2449 8, RFC 3206, RFC 6856 5), as values; words are chosen when they are sent. */
import type { StoreErrorCode } from "postern/plugin";
import type { TextName, Texts } from "./texts/english.ts";

export type Code = "AUTH" | "IN-USE" | "LOGIN-DELAY" | "SYS/PERM" | "SYS/TEMP" | "UTF8";
type Values = Readonly<Record<string, string | number>>;

export interface Reply {
  readonly isOk: boolean;
  readonly code: Code | null;
  /** In front of the text, for programs: a listing's line, a language tag. */
  readonly data: string;
  readonly text: { readonly name: TextName; readonly values?: Values } | { readonly literal: string } | null;
  /** The client broke the syntax or the order of commands: too many of these end the session. */
  readonly isMistake: boolean;
}

const base = { isOk: false, code: null, data: "", text: null, isMistake: false } as const;

export const ok = (name: TextName, values?: Values): Reply => ({ ...base, isOk: true, text: named(name, values) });
/** For programs: no words. */
export const okData = (data: string): Reply => ({ ...base, isOk: true, data });
export const err = (name: TextName, code: Code | null = null): Reply => ({ ...base, code, text: { name } });
/** In the words of a policy. */
export const errInWords = (literal: string, code: Code): Reply => ({ ...base, code, text: { literal } });
export const mistake = (name: TextName): Reply => ({ ...base, text: { name }, isMistake: true });

const named = (name: TextName, values?: Values) => (values ? { name, values } : { name });

// RFC 2449 4: 512 octets with CRLF; texts come from plugins too.
const onOneLine = (text: string): string => text.replace(/[^\u0020-\u007e]/gu, "?").slice(0, 400);

/** Texts with places for values, taken apart once: text and word in turn. */
const parts = new Map<string, readonly string[]>();

function fill(text: string, values: Values | undefined): string {
  if (!values) return text;
  let pieces = parts.get(text);
  if (!pieces) {
    pieces = text.split(/\{(\w+)\}/);
    parts.set(text, pieces);
  }
  return pieces.map((piece, index) => (index % 2 === 0 ? piece : shown(values[piece] ?? ""))).join("");
}

const shown = (value: string | number): string => (typeof value === "number" ? String(value) : onOneLine(value));

export function formatReply({ isOk, code, data, text }: Reply, texts: Texts): string {
  const words = text === null ? "" : "literal" in text ? onOneLine(text.literal) : fill(texts[text.name], text.values);
  const parts = `${code === null ? "" : `[${code}] `}${data}${data !== "" && words !== "" ? " " : ""}${words}`;
  return `${isOk ? "+OK" : "-ERR"} ${parts}\r\n`;
}

/** `tooLarge` is of annotations, which POP3 does not have. */
const storeReplies: Readonly<Record<Exclude<StoreErrorCode, "tooLarge">, Reply>> = {
  nonexistent: err("mailboxGone", "SYS/TEMP"),
  alreadyExists: err("notAvailable", "SYS/TEMP"),
  cannot: err("noMailbox", "SYS/PERM"),
  overQuota: err("mailboxFull", "SYS/TEMP"),
  noPermission: err("notPermitted", "SYS/PERM"),
  inUse: err("inUse", "IN-USE"),
  expunged: err("messageGone"),
  limit: err("limitReached", "SYS/TEMP"),
  corruption: err("damaged", "SYS/PERM"),
  unavailable: err("notAvailable", "SYS/TEMP"),
};

/** The answer to a `StoreError`, told by its `code`; `null` for any other fault. */
export function storeReply(fault: unknown): Reply | null {
  const code = fault instanceof Error && "code" in fault ? fault.code : undefined;
  return typeof code === "string" && Object.hasOwn(storeReplies, code)
    ? storeReplies[code as keyof typeof storeReplies]
    : null;
}
