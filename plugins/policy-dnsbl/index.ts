/**
 * Lists in DNS, of bad addresses and domains and of good ones, weighed against a threshold. Asked from the moment a client
 * connects, side by side; waited for at RCPT, within one bound of time. A list that cannot be asked, or cannot be
 * believed, counts nothing, unless the administrator wants the client put off then.
 */
import { parseDomain, reversedAddress } from "postern/mail";
import {
  allow,
  amend,
  Duration,
  defer,
  defineLabel,
  definePlugin,
  type Envelope,
  Exempt,
  exemptionOf,
  fillText,
  Gravity,
  proceed,
  type Recipient,
  Resolver,
  refuse,
  type Session,
  Type,
} from "postern/plugin";
import { BlockList } from "./block-list.ts";
import { gravest, mightBeSaved, type Question, type Score, type Subject, score } from "./score.ts";
import { parseSite, type Site } from "./site.ts";
import { within } from "./within.ts";

const Listed = defineLabel("dnsbl", Type.Object({ score: Type.Number(), lists: Type.Array(Type.String()) }));

const Sites = (about: string) =>
  Type.Array(Type.String(), {
    default: [],
    description: `Lists asked for ${about}: \`zone\`, with a filter \`zone=127.0.0.[2..11]\`, with a weight \`zone*3\`; below zero for lists of friends.`,
  });

const NOTHING: Score = { total: 0, hits: [], failed: [] };

export default definePlugin({
  name: "policy-dnsbl",
  api: 1,
  needs: { resolver: Resolver },
  config: Type.Object({
    client: Sites("the client's address (reject_rbl_client)"),
    clientName: Sites("the client's name, where it is confirmed (reject_rhsbl_client)"),
    helo: Sites("the name in HELO (reject_rhsbl_helo)"),
    sender: Sites("the domain of the reverse-path (reject_rhsbl_sender)"),
    recipient: Sites("the domain of the recipient (reject_rhsbl_recipient)"),
    threshold: Type.Integer({ minimum: 1, default: 1, description: "Sum of weights from which on mail is refused." }),
    allowFrom: Type.Optional(
      Type.Integer({
        maximum: -1,
        description:
          "Sum of weights from which on, downwards, no later policy for recipients is asked (permit_dnswl_client).",
      }),
    ),
    refusal: Gravity("reject", "What happens at the threshold; `off`: only the label `dnsbl` is set."),
    onFailure: Type.Union([Type.Literal("proceed"), Type.Literal("defer")], {
      default: "proceed",
      description: "What becomes of mail below the threshold while a list cannot be asked.",
    }),
    wait: Duration({
      default: "5s",
      minimum: "100ms",
      maximum: "25s",
      description: "How long all lists may take together.",
    }),
    exempt: Exempt(),
    texts: Type.Object({
      listed: Type.String({ default: "Service unavailable; {class} [{what}] blocked using {list}{reason}" }),
      unavailable: Type.String({ default: "Service unavailable; block lists cannot be asked now" }),
    }),
  }),
  setup({ config, needs, log, clock, state }) {
    const isExempt = exemptionOf(config.exempt);
    const lists = new Map<string, BlockList>();
    const listOf = (zone: string, neverListed: string): BlockList => {
      const key = `${neverListed}.${zone}`;
      const list = lists.get(key) ?? new BlockList({ zone, neverListed, resolver: needs.resolver, clock, log });
      lists.set(key, list);
      return list;
    };
    const asked = {
      client: config.client.map(readSite),
      clientName: config.clientName.map(readSite),
      helo: config.helo.map(readSite),
      sender: config.sender.map(readSite),
      recipient: config.recipient.map(readSite),
    };
    const questions = (subject: Subject, what: string, name: string): Question[] =>
      asked[subject]
        // What is no name of DNS is in no list: a question for it would fail, and a client could choose that.
        .filter(({ zone }) => name.length + 1 + zone.length <= NAME_LIMIT)
        .map((site) => {
          const list = listOf(site.zone, subject === "client" ? "1.0.0.127" : "invalid");
          return { subject, what, name, site, list };
        });
    const ofDomain = (subject: Subject, domain: string | null | undefined): Question[] => {
      const what = domain?.replace(/\.$/, "") ?? "";
      const name = listedName(what);
      return name === null ? [] : questions(subject, what, name);
    };
    const ofClient = ({ remote }: Session): Question[] => {
      const name = reversedAddress(remote.address);
      return [
        ...(name === null ? [] : questions("client", remote.address, name)),
        ...ofDomain("clientName", remote.hostname),
      ];
    };

    const begun = state((_: Session) => ({ address: "", score: null as Promise<Score> | null }));
    /** XCLIENT may put another client in the place of the first. */
    const ofSession = (session: Session): Promise<Score> => {
      const held = begun(session);
      if (held.score === null || held.address !== session.remote.address) {
        held.address = session.remote.address;
        held.score = within(config.wait, (signal) => score(ofClient(session), signal));
      }
      return held.score;
    };
    const namesOf = ({ session, reversePath }: Envelope): string =>
      `${session?.heloName ?? ""}/${reversePath?.domain ?? ""}`;
    /** A client that sends many messages says the same HELO name, and mostly the same domain. */
    const unlisted = state((_: Session) => ({ remote: null as Session["remote"] | null, of: "" }));
    const ofMessage = state((envelope: Envelope) => weigh(envelope));
    const weigh = async ({ session, reversePath }: Envelope): Promise<Score> => {
      if (session === null) return NOTHING;
      const names = [...ofDomain("helo", session.heloName), ...ofDomain("sender", reversePath?.domain)];
      const [one, other] = await Promise.all([
        ofSession(session),
        names.length === 0 ? NOTHING : within(config.wait, (signal) => score(names, signal)),
      ]);
      return sum(one, other);
    };
    const withRecipient = async (found: Promise<Score>, { address }: Recipient): Promise<Score> => {
      const names = ofDomain("recipient", address.domain);
      if (names.length === 0) return found;
      return sum(...(await Promise.all([found, within(config.wait, (signal) => score(names, signal))])));
    };
    const judge = async (found: Score, { remote }: Session) => {
      const hit = gravest(found);
      if (found.total >= config.threshold && hit !== null && config.refusal !== "off") {
        const { question } = hit;
        const reason = await within(config.wait, (signal) => question.list.reason(question.name, signal));
        const text = fillText(config.texts.listed, {
          client: remote.address,
          class: classes[question.subject],
          what: question.what,
          list: question.site.zone,
          code: hit.code,
          score: String(found.total),
          reason: reason === null ? "" : `; ${reason}`,
        });
        if (mightBeSaved(found, config.threshold)) return defer(text, { code: 450, detail: "7.1" });
        return refuse(config.refusal, text, { code: 554, detail: "7.1" });
      }
      if (config.onFailure === "defer" && found.failed.some(({ weight }) => weight > 0))
        return defer(config.texts.unavailable, { code: 451, detail: "4.3" });
      if (hit === null) return proceed;
      if (config.allowFrom !== undefined && found.total <= config.allowFrom)
        return allow("lists of friends speak for the client");
      const zones = new Set(found.hits.map(({ question }) => question.site.zone));
      return amend(Listed.set({ score: found.total, lists: [...zones] }));
    };
    return {
      hooks: {
        connect(session) {
          // Whoever is asked now has answered when the recipient comes.
          if (!isExempt(session)) void ofSession(session);
          return proceed;
        },
        rcptTo(envelope, recipient) {
          const { session } = envelope;
          if (session === null || isExempt(session)) return proceed;
          if (asked.recipient.length > 0)
            return withRecipient(ofMessage(envelope), recipient).then((found) => judge(found, session));
          // Nothing was said of this client under these names before.
          const clean = unlisted(session);
          const of = namesOf(envelope);
          if (clean.remote === session.remote && clean.of === of) return proceed;
          return ofMessage(envelope).then((found) => {
            if (found.hits.length + found.failed.length === 0) Object.assign(clean, { remote: session.remote, of });
            return judge(found, session);
          });
        },
      },
    };
  },
});

const sum = (one: Score, other: Score): Score => ({
  total: one.total + other.total,
  hits: [...one.hits, ...other.hits],
  failed: [...one.failed, ...other.failed],
});

function readSite(raw: string): Site {
  const site = parseSite(raw);
  if (typeof site === "string") throw new Error(site);
  return site;
}

// RFC 1035 2.3.4: 255 octets with the length of each label and the root
const NAME_LIMIT = 253;

/** A single word, an address literal or an address without brackets stands in no list of domains. */
function listedName(raw: string): string | null {
  const name = parseDomain(raw);
  return name === null || name.startsWith("[") || !name.includes(".") || /^[\d.]+$/.test(name) ? null : name;
}

/** As Postfix says it. */
const classes: Readonly<Record<Subject, string>> = {
  client: "Client host",
  clientName: "Client host",
  helo: "Helo command",
  sender: "Sender address",
  recipient: "Recipient address",
};
