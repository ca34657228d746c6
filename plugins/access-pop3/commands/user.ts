import { decodeRaw } from "postern/mail";
import { needsEncryption, takesPasswords } from "../authentication.ts";
import { err, mistake, ok } from "../reply.ts";
import { type Command, isBare } from "./command.ts";

/** RFC 1939 7. Unknown names are answered as known ones. RFC 6856 2.2: the name may be UTF-8. */
export const user: Command = {
  validIn: "authorization",
  run(session, argument) {
    if (argument === null || isBare(argument)) return mistake("whoseMailbox");
    const { mechanisms } = session;
    // Before the password is sent in clear, not after.
    if (mechanisms.length === 0) return needsEncryption;
    if (!takesPasswords(mechanisms)) return err("noPasswords", "AUTH");
    session.state = { at: "authorization", user: decodeRaw(argument.trimEnd()) };
    return ok("password");
  },
};
