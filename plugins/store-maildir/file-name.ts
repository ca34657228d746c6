/**
 * Names of message files: `<sec>.M<usec>P<pid>Q<n>R<random>.<host>,S=<octets on disk>,W=<octets with CRLF>:2,<letters>`
 * after the Maildir specification and Dovecot. The base name (before the colon) tells a message for ever.
 */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";

/** The Maildir specification writes `/` and `:` in a host name this way. A comma would look like a field. */
export const hostPart = (host: string = hostname()): string =>
  host.replaceAll("/", "\\057").replaceAll(":", "\\072").replaceAll(",", "\\054").slice(0, 64) || "localhost";

/** What a name begins with where the time is not known. */
export const UNKNOWN_MS = Date.UTC(2020, 0, 1);

/** Says who we are to those who share our process id on another start. */
const incarnation = randomBytes(4).toString("hex");
let made = 0;

/** A base name without sizes that nobody else has or will have. */
export function uniqueName(nowMs: number, host: string): string {
  made++;
  const usec = (nowMs % 1000) * 1000 + (made % 1000);
  return `${Math.floor(nowMs / 1000)}.M${usec}P${process.pid}Q${made}R${incarnation}.${host}`;
}

export const withSizes = (name: string, diskBytes: number, sizeBytes: number): string =>
  `${name},S=${diskBytes},W=${sizeBytes}`;

export interface NamedSizes {
  /** Octets of the file (S=). */
  readonly diskBytes: number | null;
  /** Octets with CRLF line ends (W=). */
  readonly sizeBytes: number | null;
}

const SIZE = /^,[SW]=(\d{1,15})(?=,|$)/;

/** `key` is `,S=` or `,W=`. Most names are asked often, and have neither. */
function field(text: string, key: string): number | null {
  const at = text.indexOf(key);
  const found = at < 0 ? null : SIZE.exec(text.slice(at));
  return found?.[1] === undefined ? null : Number(found[1]);
}

export const sizesIn = (base: string): NamedSizes => ({ diskBytes: field(base, ",S="), sizeBytes: field(base, ",W=") });

/** When the message came into this mailbox: the seconds that its name begins with (RFC 8514); `null` for names of another kind. */
export function saveDateOf(base: string): number | null {
  const seconds = Number(/^(\d{9,11})\./.exec(base)?.[1] ?? 0);
  return seconds > 0 && seconds * 1000 !== UNKNOWN_MS ? seconds * 1000 : null;
}

/** The part before the colon. */
export function baseOf(name: string): string {
  const colon = name.indexOf(":");
  return colon < 0 ? name : name.slice(0, colon);
}

/** What stands behind `:2,`, with anything that another program keeps there. */
export function lettersOf(name: string): string {
  const colon = name.indexOf(":");
  return colon < 0 || !name.startsWith("2,", colon + 1) ? "" : name.slice(colon + 3);
}

interface Timed {
  readonly base: string;
  /** Microseconds. */
  readonly at: number;
}

const ZERO = 48;
const isDigit = (code: number): boolean => code >= ZERO && code <= ZERO + 9;

/** The time that a name begins with: seconds, and `.M` with microseconds; 0 where there is none. */
function timeIn(name: string): number {
  let seconds = 0;
  let microseconds = 0;
  let at = 0;
  for (; isDigit(name.charCodeAt(at)); at++) seconds = seconds * 10 + name.charCodeAt(at) - ZERO;
  if (name.startsWith(".M", at)) {
    for (at += 2; isDigit(name.charCodeAt(at)); at++) microseconds = microseconds * 10 + name.charCodeAt(at) - ZERO;
  }
  return seconds * 1_000_000 + microseconds;
}

const byTime = (a: Timed, b: Timed): number => a.at - b.at || (a.base < b.base ? -1 : a.base > b.base ? 1 : 0);

function isAscending(bases: readonly string[]): boolean {
  let before = -1;
  for (const base of bases) {
    const at = timeIn(base);
    if (at <= before) return false;
    before = at;
  }
  return true;
}

/** In the order in which new messages get their UIDs: by the time in the name. */
export function sortedByTime(bases: readonly string[]): readonly string[] {
  // A listing comes in the order of names, which mostly is that of time.
  if (isAscending(bases)) return bases;
  // Each name is taken apart once: there may be very many.
  return bases
    .map((base): Timed => ({ base, at: timeIn(base) }))
    .sort(byTime)
    .map(({ base }) => base);
}
