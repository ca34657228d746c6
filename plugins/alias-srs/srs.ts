/**
 * The Sender Rewriting Scheme, "guarded", as Mail::SRS and libsrs2 write it: `SRS0=HHHH=TT=domain=local` for a sender that is no SRS address,
 * `SRS1=HHHH=host==HHHH=TT=domain=local` for one that somebody else has rewritten. Pure. Hashes are compared without case, as mail servers
 * may not keep it, and in constant time.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

export interface SrsKeys {
  /** The first one signs; all of them are believed. */
  readonly secrets: readonly [string, ...string[]];
  readonly algorithm: "sha1" | "sha256";
  /** Characters of base64 that an address has. */
  readonly hashLength: number;
}

/** A local part and a domain as text: what is in an SRS address has not been parsed yet. */
export interface Mailbox {
  readonly localPart: string;
  readonly domain: string;
}

export type Reversed = ({ readonly at: "reversed" } & Mailbox) | { readonly at: "malformed" | "tampered" | "expired" };

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const DAY_MS = 86_400_000;
/** Two characters of base32. */
const DAYS = 1024;
/** Shorter ones are guessed. */
const HASH_MINIMUM = 4;
const TAG = /^SRS([01])([=+-])/i;

export const isSrs = (localPart: string): boolean => TAG.test(localPart);

/** The local part under which mail of this sender leaves here. */
export function rewritten({ localPart, domain }: Mailbox, nowMs: number, keys: SrsKeys): string {
  const [tag, kind] = TAG.exec(localPart) ?? [];
  if (kind === "0" && tag !== undefined) {
    // The separator goes along: who made the address may have chosen another one.
    const rest = localPart.slice(tag.length - 1);
    return `SRS1=${hashOf([domain, rest], keys)}=${domain}=${rest}`;
  }
  const first = kind === "1" && tag !== undefined ? splitHost(localPart.slice(tag.length)) : null;
  if (first) return `SRS1=${hashOf([first.host, first.rest], keys)}=${first.host}=${first.rest}`;
  const stamp = timestamp(nowMs);
  return `SRS0=${hashOf([stamp, domain, localPart], keys)}=${stamp}=${domain}=${localPart}`;
}

/** Whose mail came by this address of ours. */
export function reversed(localPart: string, nowMs: number, maxAgeMs: number, keys: SrsKeys): Reversed {
  const [tag = "", kind] = TAG.exec(localPart) ?? [];
  const rest = localPart.slice(tag.length);
  if (kind === "1") {
    const split = splitHost(rest);
    if (!split) return { at: "malformed" };
    if (!isSigned(split.hash, [split.host, split.rest], keys)) return { at: "tampered" };
    return { at: "reversed", localPart: `SRS0${split.rest}`, domain: split.host };
  }
  const [, hash = "", stamp = "", domain = "", local = ""] = /^([^=]+)=([A-Z2-7]{2})=([^=]+)=(.+)$/is.exec(rest) ?? [];
  if (kind !== "0" || hash === "") return { at: "malformed" };
  if (!isSigned(hash, [stamp, domain, local], keys)) return { at: "tampered" };
  const age = (today(nowMs) - daysOf(stamp) + DAYS) % DAYS;
  return age * DAY_MS > maxAgeMs ? { at: "expired" } : { at: "reversed", localPart: local, domain };
}

/** `HHHH=host=rest`; `rest` begins with a separator. */
function splitHost(text: string): { hash: string; host: string; rest: string } | null {
  const [, hash, host, rest] = /^([^=]+)=([^=]+)=([=+-].+)$/s.exec(text) ?? [];
  return hash && host && rest ? { hash, host, rest } : null;
}

const today = (nowMs: number): number => Math.floor(nowMs / DAY_MS) % DAYS;

export function timestamp(nowMs: number): string {
  const day = today(nowMs);
  return `${ALPHABET[day >> 5] ?? ""}${ALPHABET[day & 31] ?? ""}`;
}

const daysOf = (stamp: string): number => {
  const [high = "", low = ""] = stamp.toUpperCase();
  return ALPHABET.indexOf(high) * 32 + ALPHABET.indexOf(low);
};

const hashOf = (parts: readonly string[], { secrets, algorithm, hashLength }: SrsKeys): string =>
  digest(parts, secrets[0], algorithm).slice(0, hashLength);

function isSigned(hash: string, parts: readonly string[], { secrets, algorithm, hashLength }: SrsKeys): boolean {
  if (hash.length < Math.min(hashLength, HASH_MINIMUM)) return false;
  let isGood = false;
  // All of them, whichever fits: nobody learns by the time which one does.
  for (const secret of secrets) {
    const expected = Buffer.from(digest(parts, secret, algorithm).slice(0, hash.length).toLowerCase());
    const given = Buffer.from(hash.toLowerCase());
    if (expected.length === given.length && timingSafeEqual(expected, given)) isGood = true;
  }
  return isGood;
}

function digest(parts: readonly string[], secret: string, algorithm: SrsKeys["algorithm"]): string {
  const hmac = createHmac(algorithm, secret);
  for (const part of parts) hmac.update(part.toLowerCase());
  return hmac.digest("base64");
}
