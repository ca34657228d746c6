/** PLAIN (RFC 4616): `[authzid] NUL authcid NUL passwd` in one message. */
import type { Attempt } from "../../contracts/account.ts";
import { askForInitial, type Mechanism, malformed } from "./mechanism.ts";
import { credentialText } from "./text.ts";

export const plain: Mechanism = {
  name: "PLAIN",
  method: null,
  async *begin(desk, initial) {
    const attempt = parse(initial ?? (yield askForInitial));
    return attempt ? desk.check(attempt) : malformed("Invalid PLAIN message");
  },
};

function parse(message: Uint8Array): Attempt | null {
  const first = message.indexOf(0);
  const second = first < 0 ? -1 : message.indexOf(0, first + 1);
  if (second < 0 || message.indexOf(0, second + 1) >= 0) return null;
  const authzid = credentialText(message.subarray(0, first));
  const login = credentialText(message.subarray(first + 1, second));
  const password = credentialText(message.subarray(second + 1));
  // RFC 4616 2: authcid and passwd have at least one character
  if (authzid === null || !login || !password) return null;
  return { kind: "password", login, password, authzid: authzid === "" ? null : authzid };
}
