/** Options of `access-pop3`. */
import { Duration, type Static, Type } from "postern/plugin";

export const Options = Type.Object({
  maildrop: Type.Union([Type.Literal("lock"), Type.Literal("snapshot")], {
    default: "lock",
    description:
      "`lock`: one session has the maildrop, others get [IN-USE] (RFC 1939 4); `snapshot`: several sessions at a time, each sees the mailbox as it was at its login.",
  }),
  maxSessions: Type.Integer({
    default: 10,
    minimum: 1,
    description: "Sessions of one account at a time with `maildrop: snapshot`, in all workers together.",
  }),
  loginDelay: Duration({
    default: "0",
    description: "Time between two logins of an account (RFC 2449 6.5); sooner ones get [LOGIN-DELAY]. `0`: none.",
  }),
  expire: Type.Union([Type.Literal("never"), Type.Integer({ minimum: 0, maximum: 36_500 })], {
    default: "never",
    description:
      "What EXPIRE tells clients (RFC 2449 6.7): days that mail is kept, or `never`. `0`: what RETR has fetched is removed at QUIT.",
    expected: "never, or a number of days",
  }),
  utf8Headers: Type.Union([Type.Literal("send"), Type.Literal("refuse")], {
    default: "send",
    description:
      "Messages whose header has octets beyond ASCII, for clients that have not said UTF8 (RFC 6856 4): `send` them as they are, or `refuse` them with [UTF8].",
  }),
  idleTimeout: Duration({
    default: "10m",
    minimum: "10m",
    description:
      "Silence after which a logged-in client is sent away, and nothing deleted (RFC 1939 3: at least 10 minutes).",
  }),
  loginTimeout: Duration({
    default: "3m",
    minimum: "1s",
    description: "Time that a client has to log in.",
  }),
  maxLoginFailures: Type.Integer({ default: 5, minimum: 1, description: "Failed logins before the connection ends." }),
  maxMistakes: Type.Integer({
    default: 20,
    minimum: 1,
    description: "Commands answered -ERR for their syntax or order before the connection ends.",
  }),
});
export type Options = Static<typeof Options>;
