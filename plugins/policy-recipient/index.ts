/**
 * Refuses recipients that cannot be written to elsewhere, and clients that ask for too many or guess addresses. That an
 * address here exists is core's matter; this only counts how often it does not. DNS that cannot tell now defers.
 */
import {
  Accounts,
  defer,
  definePlugin,
  type Envelope,
  Exempt,
  exemptionOf,
  fillText,
  Gravity,
  NextHops,
  proceed,
  type Recipient,
  refuse,
  type Session,
  Type,
} from "postern/plugin";

export default definePlugin({
  name: "policy-recipient",
  api: 1,
  needs: { accounts: Accounts, nextHops: NextHops },
  config: Type.Object({
    nonFqdn: Gravity("reject", "A domain without a dot that is not served here (reject_non_fqdn_recipient)."),
    unknownDomain: Gravity(
      "defer",
      "A domain without MX, A and AAAA records (reject_unknown_recipient_domain); one that takes no mail (null MX) is always rejected with it.",
    ),
    perMessage: Type.Integer({
      minimum: 0,
      default: 0,
      description: "Recipients of one message; 0: only the server's own limit.",
    }),
    unknownPerSession: Type.Integer({
      minimum: 0,
      default: 10,
      description: "Unknown recipients of one session, after which it ends: somebody guesses addresses. 0: no limit.",
    }),
    exempt: Exempt(),
    texts: Type.Object({
      nonFqdn: Type.String({ default: "<{recipient}>: Recipient address rejected: need fully-qualified address" }),
      unknownDomain: Type.String({ default: "<{recipient}>: Recipient address rejected: Domain not found" }),
      nullMx: Type.String({ default: "<{recipient}>: Recipient address rejected: Domain {domain} does not take mail" }),
      perMessage: Type.String({ default: "Too many recipients" }),
      unknownPerSession: Type.String({ default: "Too many unknown recipients" }),
      unavailable: Type.String({ default: "<{recipient}>: Recipient address rejected: cannot be verified now" }),
    }),
  }),
  setup({ config, needs, log, state }) {
    const isExempt = exemptionOf(config.exempt);
    /** A recipient is pending from `destination` to `rcptTo`. XCLIENT may put another client in the place of the first. */
    const guessing = state(({ remote }: Session) => ({
      remote,
      pending: null as Recipient | null,
      unknown: 0,
      isTold: false,
    }));
    const guessingOf = (session: Session) => {
      const seen = guessing(session);
      if (seen.remote !== session.remote)
        Object.assign(seen, { remote: session.remote, pending: null, unknown: 0, isTold: false });
      return seen;
    };
    /** Of a recipient that never came to `rcptTo` here: somebody else may have refused one that there is. */
    const isUnknown = async ({ address }: Recipient): Promise<boolean> =>
      (await needs.accounts.domain(address.domain)) === "served" && (await needs.accounts.knows(address)) === "unknown";
    const offered = state((_: Envelope) => new Set<string>());
    const say = (which: keyof typeof config.texts, { address }: Recipient) =>
      fillText(config.texts[which], { recipient: String(address), domain: address.domain });
    const fault = (which: "nonFqdn" | "unknownDomain", recipient: Recipient) => {
      const gravity = config[which];
      return gravity === "off" ? null : refuse(gravity, say(which, recipient), answers[which]);
    };
    const isOverfull = (envelope: Envelope, { address }: Recipient): boolean => {
      if (config.perMessage === 0 || isExempt(envelope.session)) return false;
      const named = offered(envelope);
      if (named.size >= config.perMessage && !named.has(String(address))) return true;
      named.add(String(address));
      return false;
    };
    /** The last domain that was found to be one: who sends many messages here mostly sends them to one domain. */
    const found = state((_: Session) => ({ domain: "" }));
    const looksUp = config.nonFqdn !== "off" || config.unknownDomain !== "off";
    return {
      hooks: {
        destination({ session }, recipient) {
          if (session === null || config.unknownPerSession === 0 || isExempt(session)) return proceed;
          const seen = guessingOf(session);
          const before = seen.pending;
          seen.pending = recipient;
          const judge = () => {
            if (seen.unknown < config.unknownPerSession) return proceed;
            if (!seen.isTold) log.info({ session: session.id, client: session.remote.address }, "guesses recipients");
            seen.isTold = true;
            return defer(say("unknownPerSession", recipient), { code: 421, detail: "7.28", close: true });
          };
          if (before === null) return judge();
          return isUnknown(before).then((isGuess) => {
            if (isGuess) seen.unknown += 1;
            return judge();
          });
        },
        rcptTo(envelope, recipient, call) {
          const { session } = envelope;
          if (session === null || session.protocol === "lmtp") return proceed;
          const seen = guessingOf(session);
          if (seen.pending === recipient) seen.pending = null;
          // RFC 5321 4.5.3.1.10: 452, so that the rest comes in another transaction
          if (isOverfull(envelope, recipient)) return defer(say("perMessage", recipient), { code: 452, detail: "5.3" });
          const { domain } = recipient.address;
          if (!looksUp || domain.startsWith("[")) return proceed;
          if (found(session).domain === domain) return proceed;
          return needs.accounts.domain(domain).then(async (answer) => {
            if (answer === "served") {
              found(session).domain = domain;
              return proceed;
            }
            if (answer === "unavailable") return defer(say("unavailable", recipient), { code: 450, detail: "4.3" });
            if (!domain.includes(".")) {
              const bare = fault("nonFqdn", recipient);
              if (bare) return bare;
            }
            if (config.unknownDomain === "off") return proceed;
            switch (await needs.nextHops.domain(domain, call.signal)) {
              case "exists":
                found(session).domain = domain;
                return proceed;
              case "refusesMail":
                return refuse("reject", say("nullMx", recipient), { code: 556, detail: "1.10" }); // RFC 7505 4.1
              case "unknown":
                return fault("unknownDomain", recipient) ?? proceed;
              case "unavailable":
                return defer(say("unavailable", recipient), { code: 450, detail: "4.3" });
            }
          });
        },
      },
    };
  },
});

/** As in Postfix. */
const answers = {
  nonFqdn: { code: 504, detail: "5.2" },
  unknownDomain: { code: 550, detail: "1.2" },
} as const;
