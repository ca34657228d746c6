import { takesPasswords } from "../authentication.ts";
import type { Options } from "../options.ts";
import { formatReply, ok } from "../reply.ts";
import type { Pop3Session } from "../session.ts";
import { type Command, isBare, noArgument } from "./command.ts";

/** RFC 2449 5. */
export const capa: Command = {
  validIn: "any",
  run(session, argument) {
    if (!isBare(argument)) return noArgument;
    const lines = capabilitiesOf(session).join("\r\n");
    const wait = session.send(`${formatReply(ok("capabilities"), session.language.texts)}${lines}\r\n.\r\n`);
    return wait ? wait.then(() => null) : null;
  },
};

/** The same before and after the login, but for STLS: no capability may differ that RFC 2449 6 does not let. */
function capabilitiesOf(session: Pop3Session): readonly string[] {
  const { mechanisms, connection, state, services } = session;
  return [
    "TOP",
    "UIDL",
    "RESP-CODES",
    // RFC 3206 6
    "AUTH-RESP-CODE",
    "PIPELINING",
    ...policies(services.options),
    // RFC 6856 2.1, 2.2: USER and PASS take UTF-8 at any time
    "UTF8 USER",
    // RFC 6856 3.1
    "LANG",
    ...(takesPasswords(mechanisms) ? ["USER"] : []),
    // RFC 5034 3
    ...(mechanisms.length > 0 ? [`SASL ${mechanisms.join(" ")}`] : []),
    // RFC 2595 4: in the AUTHORIZATION state only
    ...(state.at === "authorization" && connection.canStartTls ? ["STLS"] : []),
    "IMPLEMENTATION Postern",
  ];
}

function policies({ expire, loginDelay }: Options): readonly string[] {
  return [
    // RFC 2449 6.7
    `EXPIRE ${expire === "never" ? "NEVER" : expire}`,
    // RFC 2449 6.5: whole seconds
    ...(loginDelay > 0 ? [`LOGIN-DELAY ${Math.ceil(loginDelay / 1000)}`] : []),
  ];
}
