/** LOGIN (draft-murchison-sasl-login): obsolete, and still what Outlook and many devices speak. */
import type { Mechanism, Turn } from "./mechanism.ts";
import { credentialText } from "./text.ts";

export const login: Mechanism = {
  name: "LOGIN",
  isReadable: true,
  begin() {
    let name: string | null = null;
    return {
      next(response): Turn {
        if (response === null) return { at: "challenge", data: Buffer.from("Username:") };
        const text = credentialText(response);
        if (!text) return { at: "malformed", text: "Invalid LOGIN message" };
        if (name === null) {
          name = text;
          return { at: "challenge", data: Buffer.from("Password:") };
        }
        return { at: "attempt", attempt: { kind: "password", login: name, password: text, authzid: null } };
      },
    };
  },
};
