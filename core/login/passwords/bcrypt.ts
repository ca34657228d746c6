/** {BLF-CRYPT}: bcrypt. Passwords count up to 72 octets. */
import bcrypt from "bcryptjs";
import { type PasswordScheme, SecretError, textOf } from "./scheme.ts";

const FORM = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;

export const blowfish: PasswordScheme = {
  names: ["BLF-CRYPT"],
  isSlow: true,
  verify(password, secret) {
    const text = textOf(secret);
    if (!FORM.test(text)) throw new SecretError("not a bcrypt string");
    return bcrypt.compareSync(password, text);
  },
  cost: (secret) => FORM.exec(textOf(secret))?.[1] ?? "",
};
