/** What SCRAM (RFC 5802 3) makes of a password. Throws `SecretError` for a password that SASLprep prohibits. */
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { saslprep } from "../saslprep.ts";
import { SecretError } from "./scheme.ts";

export type ScramHash = "sha1" | "sha256";

/** What the server keeps; enough to check a proof, not enough to log in elsewhere. */
export interface ScramKeys {
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

export interface ScramCost {
  readonly hash: ScramHash;
  readonly salt: Uint8Array;
  readonly iterations: number;
}

export const sizeOf = (hash: ScramHash): number => (hash === "sha1" ? 20 : 32);

export const hmac = (hash: ScramHash, key: Uint8Array, text: string | Uint8Array): Buffer =>
  createHmac(hash, key).update(text).digest();

export const digestOf = (hash: ScramHash, data: Uint8Array): Buffer => createHash(hash).update(data).digest();

/** Expensive: `iterations` times an HMAC. */
export function scramKeys(password: string, { hash, salt, iterations }: ScramCost): ScramKeys {
  const prepared = saslprep(password);
  if (prepared === null) throw new SecretError("a password with characters that SCRAM does not allow");
  // Hi() is PBKDF2 with one block (RFC 5802 2.2)
  const salted = pbkdf2Sync(prepared, salt, iterations, sizeOf(hash), hash);
  return { storedKey: digestOf(hash, hmac(hash, salted, "Client Key")), serverKey: hmac(hash, salted, "Server Key") };
}
