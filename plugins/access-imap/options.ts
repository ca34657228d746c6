/** Options of `access-imap`. */
import { Duration, Size, type Static, Type } from "postern/plugin";

export const Options = Type.Object({
  maxMessageSize: Size({ default: "64MiB", description: "Largest message that APPEND takes." }),
  maxLineSize: Size({ default: "64KiB", description: "Longest command line; long UID sets need it." }),
  maxCommandSize: Size({ default: "256KiB", description: "All lines and literals of one command, messages apart." }),
  idleTimeout: Duration({
    default: "30m",
    minimum: "30m",
    description: "Silence after which a logged-in client is sent away (RFC 3501 5.4: at least 30 minutes).",
  }),
  loginTimeout: Duration({ default: "3m", description: "Time a client has to log in." }),
  maxLoginFailures: Type.Integer({ default: 5, minimum: 1, description: "Failed logins before the connection ends." }),
  maxMistakes: Type.Integer({
    default: 20,
    minimum: 1,
    description: "Commands answered BAD before the connection ends.",
  }),
});
export type Options = Static<typeof Options>;
