/** LOGIN (RFC 3501 6.2.3) */
import { decodeRaw } from "postern/mail";
import { mechanismsOf } from "../capabilities.ts";
import { answerLogin } from "../login-result.ts";
import { no } from "../reply.ts";
import { defineCommand } from "./command.ts";

export const login = defineCommand({
  validIn: "notAuthenticated",
  parse(parser) {
    parser.space();
    const name = parser.astring();
    parser.space();
    const password = parser.astring();
    parser.end();
    return { name, password };
  },
  async run({ session }, { name, password }) {
    const { logins } = session.services;
    const { session: facts } = session.connection;
    // RFC 3501 6.2.3, RFC 5530 3: LOGINDISABLED; the password has been sent, but is not looked at.
    if (mechanismsOf(session.connection, logins).length === 0)
      return no("Plain text logins are disabled here, start TLS first", "PRIVACYREQUIRED");
    // Lenient: RFC 3501 has no octets outside ASCII in strings here; clients send UTF-8.
    const step = await logins.password(facts, decodeRaw(name), decodeRaw(password));
    return step.at === "challenge" ? no("Authentication failed", "AUTHENTICATIONFAILED") : answerLogin(session, step);
  },
});
