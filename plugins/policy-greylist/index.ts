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
      isListed: Promise.resolve(false),
    }));
    const isListed = (session: Session): Promise<boolean> => {
      const answer = asked(session);
      if (answer.client !== session.remote) {
        answer.client = session.remote;
        answer.isListed = isListedClient(session, exemptClients, needs.tables);
      }
      return answer.isListed;
    };
    const marked = state((_: Envelope) => ({ isMarked: false }));

    const see = async (envelope: Envelope, session: Session, { address, parents }: Recipient) => {
      // As the client said it, whatever it leads to.
      const recipient = parents[0] ?? address;
      if (await isListed(session)) return null;
      if (exemptRecipients.length > 0 && (await needs.tables.findAddress(exemptRecipients, recipient, "access")))
        return null;
      const client = clientNetwork(session.remote.address, bits);
      const finding = await triplets.see(client, senderKey(envelope.reversePath), String(recipient).toLowerCase());
      if (finding.at === "passed" && finding.waitedMs !== null) {
        log.info({ id: envelope.id, client, waitedMs: finding.waitedMs }, "triplet has passed");
      }
      return { finding, recipient };
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

    const passing = (envelope: Envelope, finding: Finding | undefined) => {
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

    const atRcpt = async (envelope: Envelope, session: Session, recipient: Recipient) => {
      const seen = await see(envelope, session, recipient);
      if (seen?.finding.at === "waits") return refusal(seen.finding.forMs, envelope, seen.recipient);
      return passing(envelope, seen?.finding);
    };

    const atData = async (envelope: Envelope, session: Session) => {
      let passed: Finding | undefined;
      let longest: { readonly forMs: number; readonly recipient: Recipient["address"] } | null = null;
      const asked = new Set<string>();
      for (const recipient of envelope.recipients) {
        const name = String(recipient.parents[0] ?? recipient.address);
        if (asked.has(name)) continue;
        asked.add(name);
        const seen = await see(envelope, session, recipient);
        if (seen?.finding.at === "waits") {
          if (seen.finding.forMs > (longest?.forMs ?? 0))
            longest = { forMs: seen.finding.forMs, recipient: seen.recipient };
        } else passed ??= seen?.finding;
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
