import { ok } from "../reply.ts";
import { type Command, isBare, noArgument } from "./command.ts";

/** RFC 6856 2.1: from now on the client takes headers in UTF-8. There is no way back, but for STLS. */
export const utf8: Command = {
  validIn: "authorization",
  run(session, argument) {
    if (!isBare(argument)) return noArgument;
    session.isUtf8 = true;
    return ok("utf8On");
  },
};
