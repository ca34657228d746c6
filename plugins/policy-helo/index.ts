/**
 * Refuses what no honest client calls itself: a name that is none, our own name, somebody else's address, a name that DNS does
 * not know. Asked at HELO; the refusal is given at RCPT and lapses when the client logs in. DNS that cannot tell now defers.
 */
import {
  Accounts,
  type Call,
  defer,
  definePlugin,
  Exempt,
  exemptionOf,
  fillText,
  Gravity,
  NextHops,
  proceed,
  refuse,
  ServerFacts,
  type Session,
  Type,
} from "postern/plugin";
import { parseHelo } from "./helo-name.ts";

export default definePlugin({
  name: "policy-helo",
  api: 1,
  needs: { accounts: Accounts, facts: ServerFacts, nextHops: NextHops },
  config: Type.Object({
    invalid: Gravity("reject", "Neither a host name nor an address literal (reject_invalid_helo_hostname)."),
    nonFqdn: Gravity("reject", "A host name without a domain (reject_non_fqdn_helo_hostname)."),
    unknown: Gravity("off", "A name without an A, AAAA or MX record (reject_unknown_helo_hostname)."),
    ownName: Gravity("reject", "This server's own name or address."),
    ownDomain: Gravity("off", "A domain whose mail lives here; for servers whose users' machines all log in."),
    wrongLiteral: Gravity("off", "An address literal that is not the client's address."),
    ownNames: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description: "Further names of this server, beside `hostname`.",
    }),
    exempt: Exempt(),
    texts: Type.Object({
      invalid: Type.String({ default: "{helo}: Helo command rejected: Invalid name" }),
      nonFqdn: Type.String({ default: "{helo}: Helo command rejected: need fully-qualified hostname" }),
      unknown: Type.String({ default: "{helo}: Helo command rejected: Host not found" }),
      ownName: Type.String({ default: "{helo}: Helo command rejected: that is this server's own name" }),
      ownDomain: Type.String({ default: "{helo}: Helo command rejected: that domain lives here" }),
      wrongLiteral: Type.String({ default: "{helo}: Helo command rejected: you are [{client}]" }),
      unavailable: Type.String({ default: "{helo}: Helo command rejected: cannot look up this name now" }),
    }),
  }),
  setup({ config, needs }) {
    const isExempt = exemptionOf(config.exempt);
    const ownNames = new Set([needs.facts.hostname, ...config.ownNames].map((name) => name.toLowerCase()));
    type Fault = Exclude<keyof typeof config.texts, "unavailable">;
    const say = (text: string, helo: string, { remote }: Session) => fillText(text, { helo, client: remote.address });
    const fault = (which: Fault, helo: string, session: Session) => {
      const gravity = config[which];
      if (gravity === "off") return null;
      const { unlessAuthenticated } = isExempt;
      return refuse(gravity, say(config.texts[which], helo, session), { ...answers[which], unlessAuthenticated });
    };
    const ask = async (name: string, helo: string, session: Session, { signal }: Call) => {
      const later = () =>
        defer(say(config.texts.unavailable, helo, session), {
          detail: "4.3",
          unlessAuthenticated: isExempt.unlessAuthenticated,
        });
      if (config.ownDomain !== "off") {
        const domain = await needs.accounts.domain(name);
        if (domain === "unavailable") return later();
        if (domain === "served") return fault("ownDomain", helo, session) ?? proceed;
      }
      if (config.unknown === "off") return proceed;
      const found = await needs.nextHops.domain(name, signal);
      if (found === "unavailable") return later();
      return found === "unknown" ? (fault("unknown", helo, session) ?? proceed) : proceed;
    };
    return {
      hooks: {
        helo(session, helo, call) {
          if (isExempt(session)) return proceed;
          // A program on this machine has no other name.
          const isHere = session.remote.address === session.local.address;
          const parsed = parseHelo(helo);
          if (parsed.at === "invalid") return fault("invalid", helo, session) ?? proceed;
          if (parsed.at === "literal") {
            if (parsed.isOf(session.remote.address)) return proceed;
            const stolen = parsed.isOf(session.local.address) ? fault("ownName", helo, session) : null;
            return stolen ?? fault("wrongLiteral", helo, session) ?? proceed;
          }
          if (ownNames.has(parsed.name) && !isHere) {
            const stolen = fault("ownName", helo, session);
            if (stolen) return stolen;
          }
          if (!parsed.name.includes(".")) {
            const bare = fault("nonFqdn", helo, session);
            if (bare) return bare;
          }
          if (config.ownDomain === "off" && config.unknown === "off") return proceed;
          return ask(parsed.name, helo, session, call);
        },
      },
    };
  },
});

/** Codes and details of Postfix; those of what it does not know follow the nearest. */
const answers = {
  invalid: { code: 501, detail: "5.2" },
  nonFqdn: { code: 504, detail: "5.2" },
  unknown: { code: 550, detail: "7.1" },
  ownName: { code: 550, detail: "7.1" },
  ownDomain: { code: 550, detail: "7.1" },
  wrongLiteral: { code: 550, detail: "7.1" },
} as const;
