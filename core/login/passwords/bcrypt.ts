/** {BLF-CRYPT}: bcrypt. Passwords count up to 72 octets. */
import bcrypt from "bcryptjs";
import { type PasswordScheme, SecretError } from "./scheme.ts";

const FORM = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;

export const blowfish: PasswordScheme = {
  names: ["BLF-CRYPT"],
  isSlow: true,
  verify(password, { data }) {
    if (!FORM.test(data)) throw new SecretError("not a bcrypt string");
    return bcrypt.compareSync(password, data);
  },
  cost: ({ data }) => FORM.exec(data)?.[1] ?? "",
};
