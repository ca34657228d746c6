/**
 * {SCRAM-SHA-256}, {SCRAM-SHA-1} as Dovecot writes them: `iterations,salt,StoredKey,ServerKey`, the latter three in base64.
 * Good for SCRAM, and for passwords that come in clear.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { type PasswordScheme, SecretError, type StoredSecret, textOf } from "./scheme.ts";
import { type ScramCost, type ScramHash, type ScramKeys, scramKeys, sizeOf } from "./scram-keys.ts";

const FORM = /^(\d{1,8}),([A-Za-z0-9+/]+={0,2}),([A-Za-z0-9+/]+={0,2}),([A-Za-z0-9+/]+={0,2})$/;

export const scramHashes: Readonly<Record<string, ScramHash>> = { "SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256" };

export type ScramSecret = ScramCost & ScramKeys;

export const scramSchemes: readonly PasswordScheme[] = Object.entries(scramHashes).map(([name, hash]) => ({
  names: [name],
  isSlow: true,
  verify(password, secret) {
    const kept = parseScram(secret, hash);
    return timingSafeEqual(scramKeys(password, kept).storedKey, kept.storedKey);
  },
  cost: (secret) => FORM.exec(textOf(secret))?.[1] ?? "",
}));

export function parseScram(secret: StoredSecret, hash: ScramHash): ScramSecret {
  const [, iterations = "", salt = "", stored = "", server = ""] = FORM.exec(textOf(secret)) ?? [];
  const kept = {
    hash,
    iterations: Number(iterations),
    salt: Buffer.from(salt, "base64"),
    storedKey: Buffer.from(stored, "base64"),
    serverKey: Buffer.from(server, "base64"),
  };
  const isWhole = kept.storedKey.length === sizeOf(hash) && kept.serverKey.length === sizeOf(hash);
  if (!isWhole || kept.iterations < 1) throw new SecretError("not a SCRAM secret");
  return kept;
}

export function makeScram(password: string, iterations: number): string {
  const salt = randomBytes(16);
  const keys = scramKeys(password, { hash: "sha256", salt, iterations });
  const written = [salt, keys.storedKey, keys.serverKey].map((part) => Buffer.from(part).toString("base64"));
  return `{SCRAM-SHA-256}${[iterations, ...written].join(",")}`;
}
