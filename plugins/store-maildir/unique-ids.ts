/**
 * Unique-ids of POP3 (RFC 1939 7) as Dovecot makes them by its `pop3_uidl_format`. One that a message was once given (P in the list of
 * UIDs) stays whatever the format says. Two messages never share one: the later gets `-2`, `-3`, ... as with
 * `pop3_uidl_duplicates = rename`.
 */
import { createHash } from "node:crypto";
import { StoreError } from "postern/plugin";
import { messageBytes } from "./content.ts";
import type { Entry } from "./snapshot.ts";
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

export async function uniqueIdsOf(
  entries: Iterable<Entry>,
  uidlist: UidList,
  format: string,
): Promise<ReadonlyMap<number, string>> {
  const ids = new Map<number, string>();
  const taken = new Set<string>();
  const unnamed: Entry[] = [];
  for (const entry of entries) {
    const { base } = entry.file;
    const given = recordField(uidlist.records.get(base)?.fields ?? "", "P");
    // Dovecot writes nothing behind P where the id is the name of the file.
    const id = given === "" ? base : given;
    if (id === null) unnamed.push(entry);
    ids.set(entry.uid, id === null ? "" : once(id, taken));
  }
  for (const entry of unnamed) ids.set(entry.uid, once(await made(entry, uidlist, format), taken));
  return ids;
}

function once(id: string, taken: Set<string>): string {
  const fit = UNFIT.test(id) || id === "" ? md5(id) : id.slice(0, MAX_CHARACTERS);
  let unique = fit;
  for (let count = 2; taken.has(unique); count++) unique = `${fit.slice(0, MAX_CHARACTERS - 10)}-${count}`;
  taken.add(unique);
  return unique;
}

async function made(entry: Entry, uidlist: UidList, format: string): Promise<string> {
  const { base } = entry.file;
  const digest = format.includes("m") ? await headerDigest(entry) : "";
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
