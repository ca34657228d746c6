/**
 * The text of `dovecot-uidlist`, version 3: `3 V<uidvalidity> N<next uid> G<guid>`, then `<uid> [<key><value> ...] :<base>`
 * in ascending order. Version 1 (Dovecot 1.0) is read too. Lines that make no sense are passed over and counted: their
 * messages get new UIDs, which is what Dovecot does as well.
 */

export interface UidRecord {
  readonly uid: number;
  /** Base name of the message file. */
  readonly base: string;
  /** Fields as they stand in the file, e.g. `Pabc W123`; kept when it is written again. */
  readonly fields: string;
}

export interface UidListHeader {
  readonly uidValidity: number;
  readonly nextUid: number;
  /** 32 hexadecimal digits; empty in version 1. */
  readonly guid: string;
  /** Further fields, kept. */
  readonly others: string;
  readonly version: 1 | 3;
}

/** UIDs are nz-numbers of 32 bits (RFC 3501 2.3.1.1). */
export const MAX_UID = 0xffff_fffe;

const inRange = (value: number): boolean => Number.isInteger(value) && value > 0 && value <= MAX_UID;

export function parseHeader(line: string): UidListHeader | null {
  const first = /^1 (\d+) (\d+)$/.exec(line);
  if (first) {
    const [uidValidity, nextUid] = [Number(first[1]), Number(first[2])];
    return inRange(uidValidity) && inRange(nextUid) ? { uidValidity, nextUid, guid: "", others: "", version: 1 } : null;
  }
  const [version, ...fields] = line.split(" ");
  if (version !== "3") return null;
  let uidValidity = 0;
  let nextUid = 1;
  let guid = "";
  const others: string[] = [];
  for (const field of fields) {
    const value = field.slice(1);
    if (field.startsWith("V")) uidValidity = Number(value);
    else if (field.startsWith("N")) nextUid = Number(value);
    else if (field.startsWith("G")) guid = value;
    else if (field !== "") others.push(field);
  }
  return inRange(uidValidity) && inRange(nextUid)
    ? { uidValidity, nextUid, guid, others: others.join(" "), version: 3 }
    : null;
}

export function parseRecord(line: string, version: 1 | 3): UidRecord | null {
  const space = line.indexOf(" ");
  const uid = Number(line.slice(0, space));
  if (space < 1 || !inRange(uid)) return null;
  const rest = line.slice(space + 1);
  const colon = version === 1 ? -1 : rest.startsWith(":") ? 0 : rest.indexOf(" :") + 1;
  if (version === 3 && colon === 0 && !rest.startsWith(":")) return null;
  const name = rest.slice(colon + 1);
  const info = name.indexOf(":");
  const base = info < 0 ? name : name.slice(0, info);
  if (base === "" || base.includes("/")) return null;
  return { uid, base, fields: colon > 0 ? rest.slice(0, colon - 1) : "" };
}

export const headerText = (header: UidListHeader, nextUid: number): string =>
  `3 V${header.uidValidity} N${nextUid} G${header.guid}${header.others === "" ? "" : ` ${header.others}`}\n`;

export const recordText = ({ uid, fields, base }: UidRecord): string =>
  `${uid} ${fields === "" ? "" : `${fields} `}:${base}\n`;

/** A field of a record by its letter, e.g. `P` (the UIDL that POP3 clients have seen); it may be empty. */
export function recordField(fields: string, key: string): string | null {
  if (fields === "") return null;
  const found = fields.split(" ").find((field) => field.startsWith(key));
  return found === undefined ? null : found.slice(1);
}
