/**
 * What a login may do, by the entries of a mailbox (ADR 14). As with Dovecot, entries about more particular subjects replace what those about
 * more general ones gave, and what they took; what is damaged, and groups that nobody knows, only ever take away.
 */
import type { AclEntry } from "../contracts/sharing.ts";
import { allRights, joinedRights, noRights, type Rights, rightsWithin, rightsWithout } from "../mail/acl-rights.ts";
import type { AclFile } from "./acl-file.ts";

export interface Reader {
  readonly login: string;
  readonly isOwner: boolean;
}

/** Of the configuration: names to logins. */
export type Groups = ReadonlyMap<string, ReadonlySet<string>>;

/** From the most general to the most particular. */
const classes = ["anyone", "authenticated", "group", "owner", "user", "group-override"] as const;
type Class = (typeof classes)[number];

const classOf = (subject: string): Class => (subject.split("=", 1)[0] ?? "") as Class;
const nameOf = (subject: string): string => subject.slice(subject.indexOf("=") + 1);

/** RFC 4314 5.1.2: an owner must not be able to lock himself out. */
export const ownersAlways: Rights = new Set(["l", "a"]);

function isAbout(subject: string, { login, isOwner }: Reader, groups: Groups): boolean {
  switch (classOf(subject)) {
    case "anyone":
    case "authenticated":
      return true;
    case "owner":
      return isOwner;
    case "user":
      return nameOf(subject) === login;
    case "group":
    case "group-override":
      return groups.get(nameOf(subject))?.has(login) === true;
  }
}

export function effectiveRights({ entries, damaged }: AclFile, reader: Reader, groups: Groups): Rights {
  if (damaged.length > 0 && !reader.isOwner) return noRights;
  if (entries.length === 0) return reader.isOwner ? allRights : noRights;
  let given = noRights;
  let taken = noRights;
  for (const rank of classes) {
    const fitting = entries.filter(({ subject }) => classOf(subject) === rank && isAbout(subject, reader, groups));
    const positive = fitting.filter(({ isNegative }) => !isNegative);
    const negative = fitting.filter(({ isNegative }) => isNegative);
    if (rank === "owner" && reader.isOwner && positive.length === 0) {
      given = allRights;
      taken = noRights;
    }
    if (positive.length > 0) given = joinedRights(...positive.map(({ rights }) => rights));
    if (negative.length > 0) taken = joinedRights(...negative.map(({ rights }) => rights));
  }
  const rights = rightsWithout(given, taken);
  return reader.isOwner ? joinedRights(rights, ownersAlways) : withoutUnknown(rights, entries, groups);
}

/** Whoever might be in a group that nobody knows. */
function withoutUnknown(rights: Rights, entries: readonly AclEntry[], groups: Groups): Rights {
  let left = rights;
  for (const { subject, isNegative, rights: named } of entries) {
    const rank = classOf(subject);
    if ((rank !== "group" && rank !== "group-override") || groups.has(nameOf(subject))) continue;
    if (isNegative) left = rightsWithout(left, named);
    else if (rank === "group-override") left = rightsWithin(left, named);
  }
  return left;
}

/** Subjects under which this login may be meant, by which grants to it are found. */
export const subjectsOf = (login: string, groups: Groups): readonly string[] => [
  `user=${login}`,
  "anyone",
  "authenticated",
  ...[...groups].flatMap(([name, logins]) => (logins.has(login) ? [`group=${name}`, `group-override=${name}`] : [])),
];
