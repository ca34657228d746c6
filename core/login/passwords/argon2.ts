/** {ARGON2ID}, {ARGON2I} (RFC 9106). */
import { verifySync } from "@node-rs/argon2";
import { type PasswordScheme, SecretError } from "./scheme.ts";

const FORM = /^\$argon2(?:id|i)\$v=\d+\$(m=\d+,t=\d+,p=\d+)\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/;

export const argon2: PasswordScheme = {
  names: ["ARGON2ID", "ARGON2I"],
  isSlow: true,
  verify(password, { data }) {
    if (!FORM.test(data)) throw new SecretError("not an Argon2 string");
    return verifySync(data, password);
  },
  cost: ({ data }) => FORM.exec(data)?.[1] ?? "",
};
