/** What the config loader would fill in, with limits that tests reach. */
import type { Options } from "../../plugins/access-pop3/options.ts";

export const pop3Options: Options = {
  maildrop: "lock",
  maxSessions: 2,
  loginDelay: 0,
  expire: "never",
  utf8Headers: "send",
  idleTimeout: 600_000,
  loginTimeout: 180_000,
  maxLoginFailures: 3,
  maxMistakes: 8,
};
