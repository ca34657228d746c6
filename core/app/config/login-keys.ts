/** The key `login:` of the config file: how clients prove who they are, and what that may cost. */
import { Type } from "typebox";

const mechanisms = [
  "SCRAM-SHA-256-PLUS",
  "SCRAM-SHA-256",
  "SCRAM-SHA-1-PLUS",
  "SCRAM-SHA-1",
  "EXTERNAL",
  "OAUTHBEARER",
  "XOAUTH2",
  "PLAIN",
  "LOGIN",
] as const;

export const loginKeys = Type.Object(
  {
    mechanisms: Type.Optional(
      Type.Array(
        Type.Union(
          mechanisms.map((name) => Type.Literal(name)),
          { expected: `one of ${mechanisms.join(", ")}` },
        ),
        {
          description:
            "SASL mechanisms to offer; by default all that the plugins can check. Without `PLAIN` and `LOGIN`, IMAP's LOGIN and POP3's USER are off, too.",
        },
      ),
    ),
    cramMd5: Type.Boolean({
      description: "Offer CRAM-MD5, which is obsolete and works with passwords stored in clear only.",
      default: false,
    }),
    // RFC 7677 4: at least 4096
    scramIterations: Type.Integer({
      description: "Iterations of SCRAM for logins without a SCRAM secret; should be what the stored secrets have.",
      minimum: 4096,
      maximum: 1_000_000,
      default: 4096,
    }),
    hashThreads: Type.Optional(
      Type.Integer({
        description: "Threads of each worker that work out password hashes; one less than there are cores, at most 4.",
        minimum: 1,
        maximum: 64,
      }),
    ),
    hashWaiting: Type.Integer({
      description:
        'Logins of each worker that may wait for such a thread; beyond that the answer is "try again later".',
      minimum: 1,
      maximum: 100_000,
      default: 256,
    }),
  },
  { description: "How clients prove who they are, and what that may cost." },
);
