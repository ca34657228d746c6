/**
 * Refuses reverse-paths that nobody could answer, or that a stranger has no business with: a domain without DNS, an address of
 * ours that does not exist or whose owner has not logged in, a bounce to several people. DNS or a directory that cannot tell defers.
 */
import {
  Accounts,
  type Address,
  type Call,
  defer,
  definePlugin,
  type Envelope,
  Exempt,
  exemptionOf,
  fillText,
  Gravity,
  NextHops,
  proceed,
  refuse,
  type Session,
  Type,
} from "postern/plugin";

export default definePlugin({
  name: "policy-sender",
  api: 1,
  needs: { accounts: Accounts, nextHops: NextHops },
  config: Type.Object({
    nonFqdn: Gravity("reject", "A domain without a dot (reject_non_fqdn_sender)."),
    unknownDomain: Gravity(
      "defer",
      "A domain without MX, A and AAAA records (reject_unknown_sender_domain); one that says it takes no mail (null MX) is always rejected with it.",
    ),
    unlisted: Gravity("reject", "An address of a domain served here that does not exist (reject_unlisted_sender)."),
    ownDomain: Gravity(
      "off",
      "An address of a domain served here, from a client that has not logged in; hits mailing lists and forwarders that keep the sender.",
    ),
    multiRecipientBounce: Gravity("reject", "The null sender with several recipients (reject_multi_recipient_bounce)."),
    exempt: Exempt(),
    texts: Type.Object({
      nonFqdn: Type.String({ default: "<{sender}>: Sender address rejected: need fully-qualified address" }),
      unknownDomain: Type.String({ default: "<{sender}>: Sender address rejected: Domain not found" }),
      nullMx: Type.String({ default: "<{sender}>: Sender address rejected: Domain {domain} does not take mail" }),
      unlisted: Type.String({ default: "<{sender}>: Sender address rejected: User unknown" }),
      ownDomain: Type.String({ default: "<{sender}>: Sender address rejected: not logged in" }),
      multiRecipientBounce: Type.String({ default: "Multi-recipient bounce" }),
      unavailable: Type.String({ default: "<{sender}>: Sender address rejected: cannot be verified now" }),
    }),
  }),
  setup({ config, needs, state }) {
    const isExempt = exemptionOf(config.exempt);
    type Fault = keyof typeof answers;
    const say = (which: keyof typeof config.texts, sender: Address) =>
      fillText(config.texts[which], { sender: String(sender), domain: sender.domain });
    const fault = (which: Fault, sender: Address) => {
      const gravity = config[which];
      return gravity === "off" ? null : refuse(gravity, say(which, sender), answers[which]);
    };
    const later = (sender: Address) => defer(say("unavailable", sender), { detail: "4.3" });

    const ofOurs = async (sender: Address, { session }: Envelope) => {
      const stranger = session?.identity ? null : fault("ownDomain", sender);
      if (stranger) return stranger;
      if (config.unlisted === "off") return proceed;
      const known = await needs.accounts.knows(sender);
      if (known === "unavailable") return later(sender);
      return known === "unknown" ? (fault("unlisted", sender) ?? proceed) : proceed;
    };
    /** The last domain of others that was found to exist: who sends many messages mostly sends them from one domain. */
    const found = state((_: Session) => ({ domain: "" }));
    const ofOthers = async (sender: Address, { session }: Envelope, call: Call) => {
      if (config.unknownDomain === "off") return proceed;
      switch (await needs.nextHops.domain(sender.domain, call.signal)) {
        case "exists":
          if (session) found(session).domain = sender.domain;
          return proceed;
        case "refusesMail":
          // RFC 7505 4.2: a domain that takes no mail sends none that could be answered
          return refuse("reject", say("nullMx", sender), { code: 550, detail: "7.27" });
        case "unknown":
          return fault("unknownDomain", sender) ?? proceed;
        case "unavailable":
          return later(sender);
      }
    };
    const looksUp = [config.unknownDomain, config.unlisted, config.ownDomain].some((gravity) => gravity !== "off");
    return {
      hooks: {
        mailFrom(envelope, sender, call) {
          if (sender === null || isExempt(envelope.session)) return proceed;
          const isLiteral = sender.domain.startsWith("[");
          if (!isLiteral && !sender.domain.includes(".")) {
            const bare = fault("nonFqdn", sender);
            if (bare) return bare;
          }
          if (isLiteral || !looksUp) return proceed;
          if (envelope.session && found(envelope.session).domain === sender.domain) return proceed;
          return needs.accounts.domain(sender.domain).then((domain) => {
            if (domain === "unavailable") return later(sender);
            return domain === "served" ? ofOurs(sender, envelope) : ofOthers(sender, envelope, call);
          });
        },
        data(envelope) {
          if (config.multiRecipientBounce === "off" || envelope.reversePath !== null) return proceed;
          if (isExempt(envelope.session) || named(envelope) < 2) return proceed;
          // RFC 5321 4.5.5: what is sent with a null reverse-path answers one message, and goes to its one sender.
          const code = config.multiRecipientBounce === "reject" ? 550 : 450;
          return refuse(config.multiRecipientBounce, config.texts.multiRecipientBounce, { code, detail: "5.3" });
        },
      },
    };
  },
});

/** How many recipients the client has named, whatever they were expanded to. */
const named = ({ recipients }: Envelope): number =>
  new Set(recipients.map(({ address, parents }) => String(parents[0] ?? address))).size;

/** As in Postfix. */
const answers = {
  nonFqdn: { code: 504, detail: "5.2" },
  unknownDomain: { code: 550, detail: "1.8" },
  unlisted: { code: 550, detail: "1.0" },
  ownDomain: { code: 553, detail: "7.1" },
} as const;
