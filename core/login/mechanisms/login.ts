/** LOGIN (draft-murchison-sasl-login): obsolete, and still what Outlook and many devices speak. */
import { type Mechanism, malformed } from "./mechanism.ts";
import { credentialText } from "./text.ts";

export const login: Mechanism = {
  name: "LOGIN",
  method: null,
  async *begin(desk, initial) {
    // Lenient: some clients send the name as initial response
    const name = credentialText(initial ?? (yield Buffer.from("Username:")));
    if (!name) return malformed("Invalid LOGIN message");
    const password = credentialText(yield Buffer.from("Password:"));
    if (!password) return malformed("Invalid LOGIN message");
    return desk.check({ kind: "password", login: name, password, authzid: null });
  },
};
