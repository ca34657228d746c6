/** Options of `access-pop3`. */
import { Duration, type Static, Type } from "postern/plugin";

export const Options = Type.Object({
  idleTimeout: Duration({
    default: "10m",
    minimum: "10m",
    description:
      "Silence after which a logged-in client is sent away, and nothing deleted (RFC 1939 3: at least 10 minutes).",
  }),
  loginTimeout: Duration({
    default: "3m",
    description: "Silence after which a client that has not logged in is sent away.",
  }),
  maxLoginFailures: Type.Integer({ default: 5, minimum: 1, description: "Failed logins before the connection ends." }),
  maxMistakes: Type.Integer({
    default: 20,
    minimum: 1,
    description: "Commands answered -ERR for their syntax before the connection ends.",
  }),
});
export type Options = Static<typeof Options>;
