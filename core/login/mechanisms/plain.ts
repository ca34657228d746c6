/** PLAIN (RFC 4616): `[authzid] NUL authcid NUL passwd` in one message. */
import type { Mechanism, Turn } from "./mechanism.ts";
import { credentialText } from "./text.ts";

export const plain: Mechanism = {
  name: "PLAIN",
  isReadable: true,
  begin: () => ({
    next(response) {
      // RFC 4422 3, item 3: without an initial response, an empty challenge asks for it
      if (response === null) return { at: "challenge", data: new Uint8Array(0) };
      return parse(response);
    },
  }),
};

function parse(message: Uint8Array): Turn {
  const first = message.indexOf(0);
  const second = first < 0 ? -1 : message.indexOf(0, first + 1);
  if (second < 0 || message.indexOf(0, second + 1) >= 0) return malformed;
  const authzid = credentialText(message.subarray(0, first));
  const login = credentialText(message.subarray(first + 1, second));
  const password = credentialText(message.subarray(second + 1));
  // RFC 4616 2: authcid and passwd have at least one character
  if (authzid === null || !login || !password) return malformed;
  return { at: "attempt", attempt: { kind: "password", login, password, authzid: authzid === "" ? null : authzid } };
}

const malformed: Turn = { at: "malformed", text: "Invalid PLAIN message" };
