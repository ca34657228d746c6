/**
 * Limits on what clients, users and senders may do in a stretch of time, and on connections at once, over all workers. While the
 * KeyValue service cannot answer, clients are deferred, as with any fault.
 */
import { isWithin } from "postern/mail";
import {
  type Defer,
  defer,
  definePlugin,
  type Envelope,
  fillText,
  KeyValue,
  networksOf,
  proceed,
  type Session,
  type Table,
  Tables,
  Type,
  whenKnown,
} from "postern/plugin";
import { type Entry, type Excess, Ledger } from "./ledger.ts";
import { Places } from "./places.ts";
import { type Counted, type Rule, RuleOptions, ruleOf } from "./rules.ts";
import { type Event, subjectOf } from "./subjects.ts";

interface OpenRule {
  readonly rule: Rule;
  readonly exempt: readonly Table[];
}

const WORDS: Readonly<Record<Counted, string>> = {
  connections: "connections",
  concurrency: "connections at once",
  tlsHandshakes: "TLS handshakes",
  authAttempts: "login attempts",
  messages: "messages",
  recipients: "recipients",
  bytes: "bytes",
};

export default definePlugin({
  name: "policy-rate",
  api: 1,
  needs: { kv: KeyValue, tables: Tables },
  config: Type.Object({
    rules: Type.Array(RuleOptions, {
      default: [],
      maxItems: 64,
      description: "The limits; the first one reached answers.",
    }),
    networks: Type.Array(Type.String(), {
      default: [],
      description: "Clients in these networks are not counted: `192.0.2.0/24`, `2001:db8::/32`, `::1`.",
    }),
  }),
  async setup({ id, config, needs, clock, log, state }) {
    const networks = networksOf(config.networks);
    const rules: Partial<Record<Counted, OpenRule[]>> = {};
    for (const [index, options] of config.rules.entries()) {
      const opened = { rule: ruleOf(options, index), exempt: await needs.tables.openAll(options.exempt) };
      rules[options.count] = [...(rules[options.count] ?? []), opened];
    }
    const ledger = new Ledger(needs.kv, id, clock, (cause) =>
      log.warn({ cause: String(cause) }, "events of the last moment could not be counted"),
    );
    const places = state((_: Session) => new Places(needs.kv, id));

    /** Who hands over by LMTP or a unix socket belongs to the house. */
    const isOurs = ({ protocol, remote }: Session): boolean =>
      protocol === "lmtp" || remote.address === "unix" || isWithin(remote.address, networks) !== null;

    const isExempt = async ({ rule, exempt }: OpenRule, event: Event, subject: string): Promise<boolean> => {
      const { tables } = needs;
      if (rule.per === "address" || rule.per === "network") {
        return (await tables.findNetwork(exempt, event.session.remote.address)) !== null;
      }
      if (rule.per === "sender")
        return (await tables.findAddress(exempt, event.reversePath ?? null, "access")) !== null;
      if (rule.per === "senderDomain") return (await tables.findDomain(exempt, subject)) !== null;
      for (const table of exempt) if ((await table.get(subject)) !== null) return true;
      return false;
    };

    const entriesFor = (asked: readonly OpenRule[], event: Event, amount: number) => {
      const entries: Entry[] = [];
      let mayBeExempt = false;
      for (const { rule, exempt } of asked) {
        const subject = !rule.authenticated && event.session.identity !== null ? null : subjectOf(rule, event);
        if (subject === null) continue;
        entries.push({ rule, subject, amount });
        mayBeExempt ||= exempt.length > 0;
      }
      return mayBeExempt ? withoutExempt(asked, entries, event) : entries;
    };
    const withoutExempt = async (asked: readonly OpenRule[], entries: readonly Entry[], event: Event) => {
      const counted: Entry[] = [];
      for (const entry of entries) {
        const opened = asked.find(({ rule }) => rule === entry.rule);
        if (!opened || opened.exempt.length === 0 || !(await isExempt(opened, event, entry.subject)))
          counted.push(entry);
      }
      return counted;
    };

    const refuse = ({ rule, subject, counted }: Excess, { session }: Event): Defer => {
      const { count, per, limit, within } = rule;
      log.info({ session: session.id, count, per, subject, limit, counted }, "limit reached");
      const values = {
        count: WORDS[count],
        limit: String(limit),
        seconds: String(Math.round(within / 1_000)),
        // Others' names are none of the client's business; these two it has said itself.
        subject: per === "server" ? "all clients" : subject,
      };
      return defer(fillText(rule.text, values), answers[count]);
    };

    const count = (
      counted: Counted,
      event: Event,
      amount = 1,
    ): typeof proceed | Defer | Promise<typeof proceed | Defer> => {
      const asked = rules[counted];
      if (asked === undefined || isOurs(event.session)) return proceed;
      const answer = (excess: Excess | null) => (excess === null ? proceed : refuse(excess, event));
      const judge = (entries: readonly Entry[]) => {
        const found = counted === "concurrency" ? places(event.session).take(entries) : ledger.count(entries);
        // Most of the time, and at once.
        return found === null ? proceed : whenKnown(found, answer);
      };
      const entries = entriesFor(asked, event, amount);
      return entries instanceof Promise ? entries.then(judge) : judge(entries);
    };
    const ofMail = (counted: Counted, { session, reversePath }: Envelope, amount = 1) =>
      session === null ? proceed : count(counted, { session, reversePath }, amount);

    const onConnect = async (session: Session) => {
      const counted = await count("connections", { session });
      return counted.verdict === "proceed" ? count("concurrency", { session }) : counted;
    };

    return {
      stop: () => ledger.close(),
      hooks: {
        connect: (session) => (rules.connections || rules.concurrency ? onConnect(session) : proceed),
        tls: (session) => count("tlsHandshakes", { session }),
        authAttempt: (session, { login }) => count("authAttempts", { session, login }),
        mailFrom: (envelope, reversePath) =>
          envelope.session === null ? proceed : count("messages", { session: envelope.session, reversePath }),
        rcptTo: (envelope) => ofMail("recipients", envelope),
        message: (envelope, { sizeBytes }) => ofMail("bytes", envelope, sizeBytes),
        disconnect: (session) => {
          if (rules.concurrency) places(session).leave();
        },
      },
    };
  },
});

/** RFC 5321 4.2.3: 421 where the connection ends; X.7.28 is "mail flood detected". */
const answers: Readonly<Record<Counted, Parameters<typeof defer>[1]>> = {
  connections: { code: 421, detail: "7.0", close: true },
  concurrency: { code: 421, detail: "7.0", close: true },
  tlsHandshakes: { code: 421, detail: "7.0", close: true },
  authAttempts: { detail: "7.0" },
  messages: { code: 450, detail: "7.28" },
  recipients: { code: 450, detail: "7.28" },
  bytes: { code: 450, detail: "7.28" },
};
