/** Options of `access-imap`. */
import { Duration, Size, type Static, Type } from "postern/plugin";

export const Options = Type.Object({
  maxMessageSize: Size({ default: "64MiB", description: "Largest message that APPEND takes." }),
  maxLineSize: Size({ default: "64KiB", description: "Longest command line; long UID sets need it." }),
  maxCommandSize: Size({ default: "256KiB", description: "All lines and literals of one command, messages apart." }),
  literals: Type.Union([Type.Literal("LITERAL+"), Type.Literal("LITERAL-")], {
    default: "LITERAL+",
    description:
      "What clients may send without asking first (RFC 7888): literals of any size, or up to 4096 octets only, so that messages which are too large or have no room are not sent at all.",
    expected: "LITERAL+ or LITERAL-",
  }),
  idleTimeout: Duration({
    default: "30m",
    minimum: "30m",
    description: "Silence after which a logged-in client is sent away (RFC 3501 5.4: at least 30 minutes).",
  }),
  loginTimeout: Duration({ default: "3m", description: "Time a client has to log in." }),
  sendTimeout: Duration({
    default: "5m",
    minimum: "1s",
    description: "Time in which a client has to take something of what it asked for; then it is cut off.",
  }),
  maxSessionsPerUser: Type.Integer({
    default: 2000,
    minimum: 0,
    description: "Sessions of one account at a time, in all workers together; more get [LIMIT]. 0: any number.",
  }),
  maxSessionsPerUserAddress: Type.Integer({
    default: 0,
    minimum: 0,
    description: "The same from one address. 0: any number, up to the limits of the listener.",
  }),
  maxLoginFailures: Type.Integer({ default: 5, minimum: 1, description: "Failed logins before the connection ends." }),
  maxMistakes: Type.Integer({
    default: 20,
    minimum: 1,
    description: "Commands answered BAD before the connection ends.",
  }),
  serverComment: Type.String({
    default: "",
    maxLength: 1000,
    description: "A note to all users: the entry `/shared/comment` of the server (RFC 5464 3.2.1.1).",
  }),
  serverAdmin: Type.String({
    default: "",
    pattern: "^$|^[A-Za-z][A-Za-z0-9+.-]*:[\\x21-\\x7e]+$",
    maxLength: 1000,
    description:
      "A URI for whoever looks for the administrator (`/shared/admin`). Empty: `mailto:` and the postmaster.",
    expected: "a URI, like mailto:help@example.org",
  }),
});
export type Options = Static<typeof Options>;
