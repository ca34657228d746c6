/**
 * Asks the next server whether a recipient exists there before mail for it is taken, and, if wanted, the sender's server whether the
 * reverse-path does. What is found out is kept. While nobody knows, the client is put off; nothing is ever let through for that.
 */
import { domainList, parseAddress } from "postern/mail";
import {
  Accounts,
  type Address,
  Duration,
  defer,
  definePlugin,
  Exempt,
  exemptionOf,
  fillText,
  Gravity,
  KeyValue,
  NextHops,
  Outbound,
  proceed,
  refuse,
  Type,
} from "postern/plugin";
import { callOut } from "./call-out.ts";
import { Slots } from "./slots.ts";
import { type KeptFinding, VerdictsKept } from "./verdicts-kept.ts";

export default definePlugin({
  name: "policy-verify",
  api: 1,
  needs: { accounts: Accounts, kv: KeyValue, nextHops: NextHops, outbound: Outbound },
  config: Type.Object({
    recipient: Gravity("reject", "A recipient elsewhere that its own server refuses (reject_unverified_recipient)."),
    recipientDomains: Type.Array(Type.String(), {
      default: [],
      description: "Only recipients of these domains, `.example.org` for all below; empty: all that live elsewhere.",
    }),
    sender: Gravity("off", "A reverse-path that its own server refuses (reject_unverified_sender)."),
    senderDomains: Type.Array(Type.String(), {
      default: [],
      description: "Only reverse-paths of these domains; empty: all that live elsewhere.",
    }),
    probeSender: Type.String({
      default: "",
      description: "Reverse-path of the question; empty: the null reverse-path. An address here has to exist.",
      expected: "an address, or nothing",
    }),
    port: Type.Integer({
      minimum: 1,
      maximum: 65_535,
      default: 25,
      description: "Port of a next hop that names none.",
    }),
    transports: Type.Array(Type.String(), {
      default: ["smtp"],
      description: "Transports whose next hop is asked; addresses that go by another one count as good.",
    }),
    wait: Duration({
      default: "6s",
      minimum: "100ms",
      maximum: "25s",
      description: "How long a client is kept waiting.",
    }),
    timeout: Duration({ default: "1m", minimum: "1s", maximum: "10m", description: "How long one question may take." }),
    perDestination: Type.Integer({ minimum: 1, default: 5, description: "Questions at once to one destination." }),
    positiveExpiry: Duration({ default: "31d", minimum: "1s", description: "How long a good address is kept." }),
    positiveRefresh: Duration({ default: "7d", minimum: "1s", description: "When a good address is asked for again." }),
    negativeExpiry: Duration({ default: "3d", minimum: "1s", description: "How long a bad address is kept." }),
    negativeRefresh: Duration({ default: "3h", minimum: "1s", description: "When a bad address is asked for again." }),
    exempt: Exempt(),
    texts: Type.Object({
      recipient: Type.String({
        default: "<{address}>: Recipient address rejected: undeliverable address: {reply}",
      }),
      sender: Type.String({ default: "<{address}>: Sender address rejected: undeliverable address: {reply}" }),
      unknownRecipient: Type.String({ default: "<{address}>: Recipient address rejected: unverified address" }),
      unknownSender: Type.String({ default: "<{address}>: Sender address rejected: unverified address" }),
    }),
  }),
  setup({ config, needs, clock, log }) {
    const probeSender = config.probeSender === "" ? null : parseAddress(config.probeSender);
    if (config.probeSender !== "" && probeSender === null)
      throw new Error(`probeSender is no address: ${JSON.stringify(config.probeSender)}`);
    const isExempt = exemptionOf(config.exempt);
    const callOutOptions = {
      nextHops: needs.nextHops,
      slots: new Slots(config.perDestination, WAITING_LIMIT),
      outbound: needs.outbound,
      probeSender,
      port: config.port,
      transports: new Set(config.transports),
      // A silent host leaves time for another one, a silent handshake for one more try without TLS.
      stepTimeoutMs: Math.ceil(config.timeout / 3),
    };
    const kept = new VerdictsKept({
      space: needs.kv.space<KeptFinding>("policy-verify"),
      ask: (address, signal) => callOut(address, callOutOptions, signal),
      ages: {
        positiveExpiryMs: config.positiveExpiry,
        positiveRefreshMs: config.positiveRefresh,
        negativeExpiryMs: config.negativeExpiry,
        negativeRefreshMs: config.negativeRefresh,
      },
      waitMs: config.wait,
      timeoutMs: config.timeout,
      clock,
      log,
    });
    const asksFor = { recipient: amongOrAny(config.recipientDomains), sender: amongOrAny(config.senderDomains) };

    /** Whoever verifies us while we verify him: the question's own reverse-path is never a reason for another question. */
    const isProbe = (address: Address | null): boolean =>
      address !== null && probeSender !== null && String(address).toLowerCase() === String(probeSender).toLowerCase();

    const judge = async (which: "recipient" | "sender", address: Address) => {
      const gravity = config[which];
      if (gravity === "off" || isProbe(address) || !asksFor[which](address.domain)) return proceed;
      const detail = which === "recipient" ? "1.1" : "1.7";
      const later = () =>
        defer(fillText(config.texts[unknowns[which]], { address: String(address) }), { code: 450, detail });
      const domain = await needs.accounts.domain(address.domain);
      if (domain === "served") return proceed;
      if (domain === "unavailable") return later();
      // An alias of ours in a domain of others leads where its targets do.
      if (which === "recipient" && (await needs.accounts.knows(address)) === "known") return proceed;
      const finding = await kept.find(address);
      if (finding.at === "good") return proceed;
      if (finding.at === "unknown") {
        log.info({ address: String(address), cause: finding.reason }, "an address could not be verified");
        return later();
      }
      const text = fillText(config.texts[which], { address: String(address), reply: finding.reply });
      return refuse(gravity, text, { code: 550, detail });
    };
    return {
      hooks: {
        mailFrom({ session }, reversePath) {
          if (config.sender === "off" || reversePath === null || isExempt(session)) return proceed;
          return judge("sender", reversePath);
        },
        rcptTo({ session, reversePath }, { address }) {
          if (config.recipient === "off" || isExempt(session) || isProbe(reversePath)) return proceed;
          return judge("recipient", address);
        },
      },
      stop: () => kept.close(),
    };
  },
});

/** An empty list is everything. */
function amongOrAny(written: readonly string[]): (domain: string) => boolean {
  const list = domainList(written);
  return (domain) => written.length === 0 || list.covers(domain) !== null;
}

const WAITING_LIMIT = 1_000;
const unknowns = { recipient: "unknownRecipient", sender: "unknownSender" } as const;
