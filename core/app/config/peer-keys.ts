/** Keys of a listener that speaks SMTP or LMTP: what it grants to named clients. */
import { Type } from "typebox";

const Networks = (description: string) =>
  Type.Array(Type.String(), { description, minItems: 1, expected: "a list of networks such as 192.0.2.0/24, or unix" });
const Who = (description: string) =>
  Type.Union(
    [
      Type.Literal("off"),
      Type.Literal("authenticated"),
      Type.Literal("always"),
      Type.Array(Type.String(), { minItems: 1 }),
    ],
    { description, expected: "off, authenticated, always, or a list of networks" },
  );

export const peerKeys = {
  from: Type.Optional(
    Networks(
      "Networks that may connect; all of them by default, this machine for `reinject`. `unix`: whoever reaches the unix socket.",
    ),
  ),
  xclient: Type.Optional(
    Networks(
      "Networks of proxies that may say by XCLIENT who their client is. Limits of connections still see the proxy.",
    ),
  ),
  xforward: Type.Optional(
    Networks(
      "Networks that may say by XFORWARD whose message it was, for log and trace; for `reinject` those of `from` by default.",
    ),
  ),
  vrfy: Type.Optional(
    Who(
      "To whom VRFY says who has a mailbox here: `off` (the default), `authenticated`, `always`, or networks beside those who authenticated. It says what RCPT would have said.",
    ),
  ),
  etrn: Type.Optional(
    Who(
      "Who may start queue runs by ETRN: `off` (the default), `authenticated`, `always`, or networks beside those who authenticated.",
    ),
  ),
  etrnDomains: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), { description: "Domains that ETRN may ask for; any by default." }),
  ),
};
