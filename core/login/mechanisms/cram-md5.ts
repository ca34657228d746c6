/**
 * CRAM-MD5 (RFC 2195): obsolete (RFC 8314 says nothing for it), for devices that know nothing else, and only from passwords that
 * are stored in clear.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { clearText } from "../passwords/clear.ts";
import { type Mechanism, malformed } from "./mechanism.ts";
import { credentialText } from "./text.ts";

export const cramMd5: Mechanism = {
  name: "CRAM-MD5",
  method: null,
  async *begin(desk, initial) {
    // RFC 4954 4: no initial response where the server speaks first
    if (initial !== null) return malformed("CRAM-MD5 has no initial response");
    // RFC 2195 2: a message identifier that is never used again
    const challenge = Buffer.from(`<${randomBytes(16).toString("hex")}.${Date.now()}@${desk.hostname}>`);
    const text = credentialText(yield challenge);
    const [, login = "", digest = ""] = /^(.+) ([0-9a-f]{32})$/.exec(text ?? "") ?? [];
    if (login === "") return malformed("Invalid CRAM-MD5 response");
    const found = await desk.lookUp(login, null);
    if (found.at === "failure") return found;
    const password = found.secrets.map(clearText).find((one) => one !== null) ?? null;
    const made = createHmac("md5", password ?? desk.fakes.password(login))
      .update(challenge)
      .digest();
    const isRight = timingSafeEqual(made, Buffer.from(digest, "hex"));
    if (!isRight || !found.identity || password === null) return desk.invalid(login, whyNot(found.identity, password));
    return desk.accept(found.identity, { login, authzid: null });
  },
};

function whyNot(identity: object | null, password: string | null): string {
  if (!identity) return "unknown login";
  return password === null ? "no password stored in clear" : "wrong password";
}
