/**
 * Unique-ids of POP3 (RFC 1939 7) as Dovecot makes them by its `pop3_uidl_format`. One that a message was once given (P in the list of
 * UIDs) stays whatever the format says. Two messages never share one: the later gets `-2`, `-3`, ... as with
 * `pop3_uidl_duplicates = rename`.
 */
import { createHash } from "node:crypto";
import { StoreError, type UniqueIds } from "postern/plugin";
import { messageBytes } from "./content.ts";
import type { Entry, MaildirSnapshot } from "./snapshot.ts";
import type { UidList } from "./uidlist.ts";
import { recordField } from "./uidlist-format.ts";

export const DEFAULT_UNIQUE_IDS = "%08Xu%08Xv";

/** `%` with an optional width and `X` (hexadecimal), and what is to stand there. */
const VARIABLE = /%(0?\d{0,2})(X?)([%a-zA-Z])/g;
/** RFC 1939 7: one to 70 characters in the range 0x21 to 0x7E. */
const MAX_CHARACTERS = 70;
const UNFIT = /[^\x21-\x7e]/;
/** Headers beyond are cut for `%m`. */
const MAX_HEADER_BYTES = 10 * 1024 * 1024;

/** What is wrong with a format; `null` if nothing is. */
export function faultInFormat(format: string): string | null {
  const known = new Set<string>();
  for (const [whole, , , variable = ""] of format.matchAll(VARIABLE)) {
    if (!"%uvfgm".includes(variable)) return `${whole} is no variable: there are %u, %v, %f, %g, %m`;
    known.add(variable);
  }
  if (UNFIT.test(format)) return "unique-ids have printable ASCII characters only (RFC 1939)";
  return ["u", "f", "g", "m"].some((variable) => known.has(variable))
    ? null
    : "one of %u, %f, %g, %m is needed, or all messages have one id";
}

/** Whether no two messages get the same by it, and nothing has to be read: then ids are made when somebody asks. */
function isByUid(format: string): boolean {
  const variables = [...format.matchAll(VARIABLE)].map(([, , , variable = ""]) => variable);
  const longest = format.replace(VARIABLE, (_, width: string) => "x".repeat(Math.max(Number(width), 10)));
  return variables.includes("u") && !variables.some((one) => "fgm".includes(one)) && longest.length <= MAX_CHARACTERS;
}

export async function uniqueIdsOf(snapshot: MaildirSnapshot, uidlist: UidList, format: string): Promise<UniqueIds> {
  const ids = new Map<number, string>();
  const taken = new Set<string>();
  for (const { uid, file } of snapshot) {
    const given = recordField(uidlist.records.get(file.base)?.fields ?? "", "P");
    // Dovecot writes nothing behind P where the id is the name of the file.
    if (given !== null) ids.set(uid, once(given === "" ? file.base : given, taken));
  }
  if (isByUid(format)) {
    return {
      get(uid) {
        const entry = snapshot.find(uid);
        return ids.get(uid) ?? (entry ? beside(taken, made(entry, uidlist, format)) : undefined);
      },
    };
  }
  for (const entry of snapshot) {
    if (ids.has(entry.uid)) continue;
    const digest = format.includes("m") ? await headerDigest(entry) : "";
    ids.set(entry.uid, once(made(entry, uidlist, format, digest), taken));
  }
  return ids;
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

function made(entry: Entry, uidlist: UidList, format: string, digest = ""): string {
  const { base } = entry.file;
  return format.replace(VARIABLE, (_, width: string, hex: string, variable: string) => {
    const number = (value: number) => value.toString(hex ? 16 : 10);
    const text = (): string => {
      switch (variable) {
        case "u":
          return number(entry.uid);
        case "v":
          return number(uidlist.uidValidity);
        case "g":
          return recordField(uidlist.records.get(base)?.fields ?? "", "G") || base;
        case "m":
          return digest;
        case "%":
          return "%";
        default:
          return base;
      }
    };
    return text().padStart(Number(width), width.startsWith("0") ? "0" : " ");
  });
}

/** Of the header with CRLF line ends, without the empty line. A message that is gone meanwhile has none. */
async function headerDigest({ file }: Entry): Promise<string> {
  try {
    const bytes = await messageBytes(file, MAX_HEADER_BYTES);
    const end = bytes?.indexOf("\r\n\r\n") ?? -1;
    return md5(bytes?.subarray(0, end < 0 ? undefined : end + 2) ?? file.base);
  } catch (cause) {
    if (cause instanceof StoreError && cause.code === "expunged") return md5(file.base);
    throw cause;
  }
}

const md5 = (text: string | Uint8Array): string => createHash("md5").update(text).digest("hex");
