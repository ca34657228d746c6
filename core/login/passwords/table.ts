/** The password schemes there are, and which of them give way to a stronger one. */
import { argon2, isCheapArgon2, makeArgon2 } from "./argon2.ts";
import { blowfish } from "./bcrypt.ts";
import { clear } from "./clear.ts";
import { digests } from "./digests.ts";
import { pbkdf2 } from "./pbkdf2.ts";
import { type PasswordScheme, parseSecret, textOf } from "./scheme.ts";
import { makeScram, scramSchemes } from "./scram-secret.ts";
import { shaCrypt } from "./sha-crypt.ts";

const byName = new Map<string, PasswordScheme>();
for (const scheme of [argon2, blowfish, shaCrypt, pbkdf2, ...scramSchemes, ...digests, clear]) {
  for (const name of scheme.names) byName.set(name, scheme);
}

export const schemeNamed = (name: string): PasswordScheme | null => byName.get(name) ?? null;

/** What a new secret is made as. */
export interface NewSecret {
  readonly scheme: "ARGON2ID" | "SCRAM-SHA-256";
  /** For SCRAM. */
  readonly iterations: number;
}

/** Whether a secret is to be made anew: another scheme, or the wanted one at a lower cost. */
export function isWeaker(raw: string, { scheme, iterations }: NewSecret): boolean {
  const secret = parseSecret(raw);
  if (!secret || secret.scheme !== scheme) return true;
  if (scheme === "ARGON2ID") return isCheapArgon2(textOf(secret));
  return Number(schemeNamed(scheme)?.cost(secret)) < iterations;
}

/** Expensive. */
export const makeSecret = (password: string, { scheme, iterations }: NewSecret): string =>
  scheme === "ARGON2ID" ? makeArgon2(password) : makeScram(password, iterations);
