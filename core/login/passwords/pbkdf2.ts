/** {PBKDF2} as Dovecot writes it: `$1$salt$rounds$digest`; HMAC-SHA-1, the salt is text, the digest hexadecimal. */
import { pbkdf2Sync, timingSafeEqual } from "node:crypto";
import { type PasswordScheme, SecretError, textOf } from "./scheme.ts";

const FORM = /^\$1\$([^$]{1,256})\$(\d{1,8})\$([0-9a-fA-F]{40})$/;

export const pbkdf2: PasswordScheme = {
  names: ["PBKDF2"],
  isSlow: true,
  verify(password, secret) {
    const [, salt = "", rounds = "0", digest = ""] = FORM.exec(textOf(secret)) ?? [];
    if (Number(rounds) < 1) throw new SecretError("not a PBKDF2 string");
    return timingSafeEqual(pbkdf2Sync(password, salt, Number(rounds), 20, "sha1"), Buffer.from(digest, "hex"));
  },
  cost: (secret) => FORM.exec(textOf(secret))?.[2] ?? "",
};
