/** {PLAIN}, {CLEARTEXT}, {CLEAR}: the password itself. For trials, and for mechanisms that need it. */
import { createHash, timingSafeEqual } from "node:crypto";
import { type PasswordScheme, parseSecret, textOf } from "./scheme.ts";

const NAMES = ["PLAIN", "CLEARTEXT", "CLEAR"];
const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();

export const clear: PasswordScheme = {
  names: NAMES,
  isSlow: false,
  // Digests first, so that the comparison tells nothing about the length either.
  verify: (password, secret) => timingSafeEqual(sha256(password), sha256(textOf(secret))),
  cost: () => "",
};

/** The password, where the secret is the password. */
export function clearText(raw: string): string | null {
  const secret = parseSecret(raw);
  return secret && NAMES.includes(secret.scheme) ? textOf(secret) : null;
}
