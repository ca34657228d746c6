/**
 * {SHA512-CRYPT}, {SHA256-CRYPT}: "Unix crypt using SHA-256 and SHA-512" (Drepper, version 0.6), the `$6$` and `$5$` of
 * /etc/shadow. The step numbers are those of that text.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { type PasswordScheme, SecretError, type StoredSecret, textOf } from "./scheme.ts";

const FORM = /^\$([56])\$(?:rounds=(\d{1,9})\$)?([^$:\n]{0,64})\$([./A-Za-z0-9]+)$/;
const SALT_LIMIT = 16;

interface Variant {
  readonly hash: "sha256" | "sha512";
  /** Octets of the digest, three by three, in the order in which they are written. */
  readonly order: readonly (readonly [number, number, number])[];
  /** The octets left over, and how many characters they make. */
  readonly rest: { readonly octets: readonly number[]; readonly characters: number };
}

const variants: Readonly<Record<string, Variant>> = {
  "5": { hash: "sha256", order: turning(10, [0, 10, 20], [2, 0, 1]), rest: { octets: [31, 30], characters: 3 } },
  "6": { hash: "sha512", order: turning(21, [0, 21, 42], [1, 2, 0]), rest: { octets: [63], characters: 2 } },
};

export const shaCrypt: PasswordScheme = {
  names: ["SHA512-CRYPT", "SHA256-CRYPT"],
  isSlow: true,
  verify(password, secret) {
    const { variant, rounds, salt, digest } = parse(secret);
    const made = Buffer.from(encode(variant, digestOf(variant, Buffer.from(password), Buffer.from(salt), rounds)));
    const kept = Buffer.from(digest);
    return made.length === kept.length && timingSafeEqual(made, kept);
  },
  cost: (secret) => FORM.exec(textOf(secret))?.[2] ?? "5000",
};

function parse(secret: StoredSecret): { variant: Variant; rounds: number; salt: string; digest: string } {
  const match = FORM.exec(textOf(secret));
  const variant = variants[match?.[1] ?? ""];
  if (!match || !variant) throw new SecretError("not a SHA-crypt string");
  const rounds = match[2] === undefined ? 5_000 : Math.min(Math.max(Number(match[2]), 1_000), 999_999_999);
  return { variant, rounds, salt: (match[3] ?? "").slice(0, SALT_LIMIT), digest: match[4] ?? "" };
}

function digestOf({ hash }: Variant, key: Buffer, salt: Buffer, rounds: number): Buffer {
  const h = (...pieces: readonly Uint8Array[]): Buffer => {
    const digest = createHash(hash);
    for (const piece of pieces) digest.update(piece);
    return digest.digest();
  };
  // 4 to 8
  const b = h(key, salt, key);
  // 1 to 3, 9 to 12
  const first: Buffer[] = [key, salt, repeated(b, key.length)];
  for (let bits = key.length; bits > 0; bits >>= 1) first.push((bits & 1) === 1 ? b : key);
  let a = h(...first);
  // 13 to 16
  const p = repeated(h(...Array<Buffer>(key.length).fill(key)), key.length);
  // 17 to 20
  const s = repeated(h(...Array<Buffer>(16 + (a[0] ?? 0)).fill(salt)), salt.length);
  // 21
  for (let round = 0; round < rounds; round++) {
    const digest = createHash(hash);
    digest.update((round & 1) === 1 ? p : a);
    if (round % 3 !== 0) digest.update(s);
    if (round % 7 !== 0) digest.update(p);
    digest.update((round & 1) === 1 ? a : p);
    a = digest.digest();
  }
  return a;
}

const repeated = (block: Buffer, length: number): Buffer => Buffer.alloc(length, block);

// 22 e
const ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function encode({ order, rest }: Variant, digest: Buffer): string {
  const write = (octets: readonly number[], characters: number): string => {
    let bits = octets.reduce((sum, octet) => (sum << 8) | (digest[octet] ?? 0), 0);
    let text = "";
    for (let at = 0; at < characters; at++, bits >>= 6) text += ALPHABET[bits & 0x3f];
    return text;
  };
  return order.map((octets) => write(octets, 4)).join("") + write(rest.octets, rest.characters);
}

/** The table of step 22: each row is the former plus one, turned by the permutation. */
function turning(
  rows: number,
  first: readonly [number, number, number],
  turn: readonly [number, number, number],
): [number, number, number][] {
  const table: [number, number, number][] = [];
  let row: [number, number, number] = [...first];
  for (let at = 0; at < rows; at++) {
    table.push(row);
    const from = row;
    row = turn.map((index) => (from[index] ?? 0) + 1) as [number, number, number];
  }
  return table;
}
