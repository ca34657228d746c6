/** {PLAIN}, {CLEARTEXT}: the password itself. For trials, and for mechanisms that need it. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { PasswordScheme } from "./scheme.ts";

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();

export const clear: PasswordScheme = {
  names: ["PLAIN", "CLEARTEXT"],
  isSlow: false,
  // Digests first, so that the comparison tells nothing about the length either.
  verify: (password, { data }) => timingSafeEqual(sha256(password), sha256(data)),
  cost: () => "",
};
