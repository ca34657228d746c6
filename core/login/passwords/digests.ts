/**
 * Salted and bare digests: {SSHA512}, {SSHA256}, {SSHA}, {SMD5}, {SHA512}, {SHA256}, {SHA} or {SHA1}, {PLAIN-MD5}, {LDAP-MD5}.
 * The salt follows the digest. All of them are quick to guess: kept to be read, never written.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { type PasswordScheme, SecretError, type StoredSecret } from "./scheme.ts";

const HEX = /^[0-9A-Fa-f]+$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

function digestScheme(names: readonly string[], hash: string, sizeBytes: number, isSalted: boolean): PasswordScheme {
  return {
    names,
    isSlow: false,
    verify(password, secret) {
      const kept = decode(secret, sizeBytes);
      const isWhole = isSalted ? kept.length > sizeBytes : kept.length === sizeBytes;
      if (!isWhole) throw new SecretError(`not a {${secret.scheme}} digest`);
      const made = createHash(hash).update(password).update(kept.subarray(sizeBytes)).digest();
      return timingSafeEqual(made, kept.subarray(0, sizeBytes));
    },
    cost: () => "",
  };
}

export const digests: readonly PasswordScheme[] = [
  digestScheme(["SSHA512"], "sha512", 64, true),
  digestScheme(["SSHA256"], "sha256", 32, true),
  digestScheme(["SSHA"], "sha1", 20, true),
  digestScheme(["SMD5"], "md5", 16, true),
  digestScheme(["SHA512"], "sha512", 64, false),
  digestScheme(["SHA256"], "sha256", 32, false),
  digestScheme(["SHA", "SHA1"], "sha1", 20, false),
  digestScheme(["PLAIN-MD5", "LDAP-MD5"], "md5", 16, false),
];

/** Where the scheme does not say, a string of twice the digest's length in hex digits is hex, as Dovecot reads it. */
function decode({ encoding, data, scheme }: StoredSecret, sizeBytes: number): Buffer {
  const isHex = encoding === "hex" || (encoding === null && data.length === 2 * sizeBytes && HEX.test(data));
  if (!(isHex ? HEX : BASE64).test(data)) throw new SecretError(`not a {${scheme}} digest`);
  return Buffer.from(data, isHex ? "hex" : "base64");
}
