/**
 * Unique-ids of POP3 (RFC 1939 7) as Dovecot makes them by its `pop3_uidl_format`. One that a message was once given stays whatever the
 * format says. Two messages never share one: the later gets `-2`, `-3`, ... as with `pop3_uidl_duplicates = rename`.
 */
import { createHash } from "node:crypto";
import type { MessageEntry, UniqueIds } from "../contracts/mailbox-store.ts";
import type { ChunkedSnapshot } from "./snapshot.ts";

export const DEFAULT_UNIQUE_IDS = "%08Xu%08Xv";

/** `%` with an optional width and `X` (hexadecimal), and what is to stand there. */
const VARIABLE = /%(0?\d{0,2})(X?)([%a-zA-Z])/g;
/** RFC 1939 7: one to 70 characters in the range 0x21 to 0x7E. */
const MAX_CHARACTERS = 70;
const UNFIT = /[^\x21-\x7e]/;

/** What a store finds out about a message: name of its file, GUID, MD5 of its header. */
export type IdVariable = "f" | "g" | "m";

/** What is wrong with a format; `null` if nothing is. Besides `%u` (UID) and `%v` (UIDVALIDITY) a store knows some of the others. */
export function faultInFormat(format: string, variables: readonly IdVariable[]): string | null {
  const all = ["u", "v", ...variables];
  const known = new Set<string>();
  for (const [whole, , , variable = ""] of format.matchAll(VARIABLE)) {
    if (variable !== "%" && !all.includes(variable))
      return `${whole} is no variable: there are ${all.map((one) => `%${one}`).join(", ")}`;
    known.add(variable);
  }
  if (UNFIT.test(format)) return "unique-ids have printable ASCII characters only (RFC 1939)";
  const telling = all.filter((one) => one !== "v");
  return telling.some((variable) => known.has(variable))
    ? null
    : `one of ${telling.map((one) => `%${one}`).join(", ")} is needed, or all messages have one id`;
}

export interface IdSource<E extends MessageEntry> {
  readonly format: string;
  readonly uidValidity: number;
  /** Ids that messages were once given, by UID, ascending. */
  readonly given: Iterable<readonly [number, string]>;
  text(entry: E, variable: IdVariable): string | Promise<string>;
}

export async function uniqueIdsOf<E extends MessageEntry>(
  snapshot: ChunkedSnapshot<E>,
  source: IdSource<E>,
): Promise<UniqueIds> {
  const ids = new Map<number, string>();
  const taken = new Set<string>();
  for (const [uid, id] of source.given) ids.set(uid, once(id, taken));
  if (isByUid(source.format)) {
    return {
      get(uid) {
        const entry = snapshot.find(uid);
        return ids.get(uid) ?? (entry ? beside(taken, made(entry, source, new Map())) : undefined);
      },
    };
  }
  const wanted = new Set([...source.format.matchAll(VARIABLE)].map(([, , , variable]) => variable));
  for (const entry of snapshot) {
    if (ids.has(entry.uid)) continue;
    const texts = new Map<string, string>();
    for (const variable of ["f", "g", "m"] as const)
      if (wanted.has(variable)) texts.set(variable, await source.text(entry, variable));
    ids.set(entry.uid, once(made(entry, source, texts), taken));
  }
  return ids;
}

/** Whether no two messages get the same by it, and nothing has to be read: then ids are made when somebody asks. */
function isByUid(format: string): boolean {
  const variables = [...format.matchAll(VARIABLE)].map(([, , , variable = ""]) => variable);
  const longest = format.replace(VARIABLE, (_, width: string) => "x".repeat(Math.max(Number(width), 10)));
  return variables.includes("u") && !variables.some((one) => "fgm".includes(one)) && longest.length <= MAX_CHARACTERS;
}

/** For one that no other can be like but those that were given. */
const beside = (given: ReadonlySet<string>, id: string): string => once(id, new Set(given.has(id) ? given : []));

function once(id: string, taken: Set<string>): string {
  const fit = UNFIT.test(id) || id === "" ? md5(id) : id.slice(0, MAX_CHARACTERS);
  let unique = fit;
  for (let count = 2; taken.has(unique); count++) unique = `${fit.slice(0, MAX_CHARACTERS - 10)}-${count}`;
  taken.add(unique);
  return unique;
}

function made<E extends MessageEntry>(
  { uid }: E,
  { format, uidValidity }: IdSource<E>,
  texts: ReadonlyMap<string, string>,
): string {
  return format.replace(VARIABLE, (_, width: string, hex: string, variable: string) => {
    const number = (value: number) => value.toString(hex ? 16 : 10);
    const own: Readonly<Record<string, string>> = { u: number(uid), v: number(uidValidity), "%": "%" };
    const text = own[variable] ?? texts.get(variable) ?? "";
    return text.padStart(Number(width), width.startsWith("0") ? "0" : " ");
  });
}

/** For `%m`: of a message with CRLF line ends, its header without the empty line. */
export function headerDigest(message: Uint8Array): string {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  const end = bytes.indexOf("\r\n\r\n");
  return md5(bytes.subarray(0, end < 0 ? undefined : end + 2));
}

const md5 = (text: string | Uint8Array): string => createHash("md5").update(text).digest("hex");
