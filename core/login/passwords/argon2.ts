/** {ARGON2ID}, {ARGON2I} (RFC 9106). */
import { hashSync, verifySync } from "@node-rs/argon2";
import { type PasswordScheme, SecretError, textOf } from "./scheme.ts";

const FORM = /^\$argon2(?:id|i)\$v=\d+\$(m=(\d+),t=(\d+),p=\d+)\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/;

/** What OWASP recommends as a minimum: 19 MiB, 2 passes. */
const ENOUGH = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

export const argon2: PasswordScheme = {
  names: ["ARGON2ID", "ARGON2I"],
  isSlow: true,
  verify(password, secret) {
    const text = textOf(secret);
    if (!FORM.test(text)) throw new SecretError("not an Argon2 string");
    return verifySync(text, password);
  },
  cost: (secret) => FORM.exec(textOf(secret))?.[1] ?? "",
};

export const makeArgon2 = (password: string): string => `{ARGON2ID}${hashSync(password, ENOUGH)}`;

/** Cheaper to try out than what `makeArgon2` writes. */
export function isCheapArgon2(text: string): boolean {
  const [, , memory = "0", passes = "0"] = FORM.exec(text) ?? [];
  return Number(memory) < ENOUGH.memoryCost || Number(passes) < ENOUGH.timeCost;
}
