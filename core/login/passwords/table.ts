/** The password schemes there are. */
import { argon2 } from "./argon2.ts";
import { blowfish } from "./bcrypt.ts";
import { clear } from "./clear.ts";
import { digests } from "./digests.ts";
import type { PasswordScheme } from "./scheme.ts";
import { shaCrypt } from "./sha-crypt.ts";

const byName = new Map<string, PasswordScheme>();
for (const scheme of [argon2, blowfish, shaCrypt, ...digests, clear]) {
  for (const name of scheme.names) byName.set(name, scheme);
}

export const schemeNamed = (name: string): PasswordScheme | null => byName.get(name) ?? null;
