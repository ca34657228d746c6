/**
 * Puts mail from strangers off for some minutes: a mail server comes again, most bots do not. Semantics of postgrey. While the
 * KeyValue service cannot answer, mail is deferred, as with any fault.
 */
import { clientNetwork } from "postern/mail";
import {
  amend,
  type Finding as CheckFinding,
  Duration,
  defer,
  definePlugin,
  type Envelope,
  Exempt,
  exemptionOf,
  fillText,
  isListedClient,
  KeyValue,
  proceed,
  type Recipient,
  ServerFacts,
  type Session,
  Tables,
  Type,
  whenKnown,
} from "postern/plugin";
import { senderKey } from "./sender-key.ts";
import { type Finding, Triplets } from "./triplets.ts";

const TableList = (description: string) => Type.Array(Type.String(), { default: [], description });

export default definePlugin({
  name: "policy-greylist",
  api: 1,
  needs: { kv: KeyValue, tables: Tables, facts: ServerFacts },
  config: Type.Object({
    delay: Duration({ default: "5m", minimum: "1s", description: "How long a stranger has to wait." }),
    retryWindow: Duration({
      default: "2d",
      minimum: "1m",
      description: "Who comes back later than this after the first try begins again.",
    }),
    maxAge: Duration({ default: "35d", minimum: "1h", description: "Forget who was not seen for so long." }),
    autoAllowAfter: Type.Integer({
      default: 5,
      minimum: 0,
      description: "Leave a client network alone after so many triplets have passed, one an hour counts; 0: never.",
    }),
    ipv4Prefix: Type.Integer({
      default: 24,
      minimum: 0,
      maximum: 32,
      description: "Bits of an IPv4 client's network.",
    }),
    ipv6Prefix: Type.Integer({
      default: 64,
      minimum: 0,
      maximum: 128,
      description: "Bits of an IPv6 client's network.",
    }),
    at: Type.Union([Type.Literal("rcpt"), Type.Literal("data")], {
      default: "rcpt",
      description: "Ask at each RCPT, or once at DATA, so that mere questions for an address are not put off.",
    }),
    header: Type.Boolean({ default: false, description: "Say in `X-Greylist` how long a message was delayed." }),
    exempt: Exempt(),
    exemptClients: TableList("Tables of clients that never wait, by address, network or verified name."),
    exemptRecipients: TableList("Tables of recipients for whom nobody waits, by address, domain or `user@`."),
    text: Type.String({
      default: "Greylisted, please try again in {seconds} seconds",
      description: "Refusal; `{seconds}`, `{sender}`, `{recipient}`, `{domain}` (the recipient's).",
    }),
  }),
  async setup({ config, needs, clock, log, state }) {
    const isExempt = exemptionOf(config.exempt);
    const exemptClients = await needs.tables.openAll(config.exemptClients);
    const exemptRecipients = await needs.tables.openAll(config.exemptRecipients);
    const bits = { ipv4: config.ipv4Prefix, ipv6: config.ipv6Prefix };
    const { autoAllowAfter } = config;
    const times = { delayMs: config.delay, retryWindowMs: config.retryWindow, maxAgeMs: config.maxAge, autoAllowAfter };
    const triplets = new Triplets(needs.kv, "policy-greylist", clock, times);
    /** Asked once a client; XCLIENT may put another one in the place of the first. */
    const asked = state((_: Session) => ({
      client: null as Session["remote"] | null,
      isListed: false as boolean | Promise<boolean>,
    }));
    const isListed = (session: Session): boolean | Promise<boolean> => {
      if (exemptClients.length === 0) return false;
      const answer = asked(session);
      if (answer.client !== session.remote) {
        answer.client = session.remote;
        answer.isListed = isListedClient(session, exemptClients, needs.tables);
      }
      return answer.isListed;
    };
    const isExemptRecipient = (recipient: Recipient["address"]): boolean | Promise<boolean> =>
      exemptRecipients.length > 0 &&
      whenKnown(needs.tables.findAddress(exemptRecipients, recipient, "access"), (hit) => hit !== null);
    const marked = state((_: Envelope) => ({ isMarked: false }));

    /** `null`: it is exempt. */
    const see = (
      envelope: Envelope,
      session: Session,
      recipient: Recipient["address"],
    ): Finding | null | Promise<Finding | null> =>
      whenKnown(
        whenKnown(isListed(session), (listed) => listed || isExemptRecipient(recipient)),
        (exempt) => (exempt ? null : lookUp(envelope, session, recipient)),
      );
    const lookUp = (envelope: Envelope, session: Session, recipient: Recipient["address"]) => {
      const client = clientNetwork(session.remote.address, bits);
      const seen = triplets.see(client, senderKey(envelope.reversePath), String(recipient).toLowerCase());
      return whenKnown(seen, (finding) => {
        if (finding.at === "passed" && finding.waitedMs !== null)
          log.info({ id: envelope.id, client, waitedMs: finding.waitedMs }, "triplet has passed");
        return finding;
      });
    };

    const refusal = (forMs: number, envelope: Envelope, recipient: Recipient["address"]) => {
      const text = fillText(config.text, {
        seconds: String(Math.ceil(forMs / 1_000)),
        sender: String(envelope.reversePath ?? ""),
        recipient: String(recipient),
        domain: recipient.domain,
      });
      // As postgrey: some clients take 4.7.1 for an answer to all recipients.
      return defer(text, { code: 450, detail: "2.0", unlessAuthenticated: isExempt.unlessAuthenticated });
    };

    const passing = (envelope: Envelope, finding: Finding | null) => {
      if (!config.header || finding?.at !== "passed" || finding.waitedMs === null || marked(envelope).isMarked)
        return proceed;
      marked(envelope).isMarked = true;
      const seconds = Math.floor(finding.waitedMs / 1_000);
      const date = new Date(clock.now()).toUTCString().replace("GMT", "+0000");
      return amend({
        op: "prepend",
        header: "X-Greylist",
        value: `delayed ${seconds} seconds by policy-greylist at ${needs.facts.hostname}; ${date}`,
      });
    };

    const atRcpt = (envelope: Envelope, session: Session, { address, parents }: Recipient) => {
      // As the client said it, whatever it leads to.
      const recipient = parents[0] ?? address;
      return whenKnown(see(envelope, session, recipient), (finding) =>
        finding?.at === "waits" ? refusal(finding.forMs, envelope, recipient) : passing(envelope, finding),
      );
    };

    const atData = async (envelope: Envelope, session: Session) => {
      let passed: Finding | null = null;
      let longest: { readonly forMs: number; readonly recipient: Recipient["address"] } | null = null;
      const asked = new Set<string>();
      for (const { address, parents } of envelope.recipients) {
        const recipient = parents[0] ?? address;
        const name = String(recipient);
        if (asked.has(name)) continue;
        asked.add(name);
        const finding = await see(envelope, session, recipient);
        if (finding?.at === "waits") {
          if (finding.forMs > (longest?.forMs ?? 0)) longest = { forMs: finding.forMs, recipient };
        } else passed ??= finding;
      }
      return longest === null ? passing(envelope, passed) : refusal(longest.forMs, envelope, longest.recipient);
    };

    const check = async (): Promise<readonly CheckFinding[]> =>
      config.retryWindow > config.delay
        ? []
        : [{ severity: "error", text: "retryWindow is not longer than delay: nobody would ever pass" }];

    return {
      check,
      hooks: {
        rcptTo(envelope, recipient) {
          const { session } = envelope;
          if (config.at !== "rcpt" || session === null || isExempt(session)) return proceed;
          return atRcpt(envelope, session, recipient);
        },
        data(envelope) {
          const { session } = envelope;
          if (config.at !== "data" || session === null || isExempt(session)) return proceed;
          return atData(envelope, session);
        },
      },
    };
  },
});
