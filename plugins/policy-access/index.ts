/**
 * Access tables (Postfix's access(5)): what stands in a table for a client, its name at HELO, its login or certificate, a sender
 * or a recipient decides. Checks are made in their order at each hook. `OK` ends this hook's chain and grants no relay. A table or a
 * DNS server that cannot answer, and an action that is none, put the mail off.
 */
import {
  amend,
  type Call,
  ClientNames,
  defer,
  definePlugin,
  discard,
  type Envelope,
  exemptionOf,
  type Finding,
  fillText,
  proceed,
  Resolver,
  type Session,
  type Table,
  Tables,
  Type,
  whenKnown,
} from "postern/plugin";
import {
  act,
  type Effects,
  mistakeIn,
  noEffects,
  type Outcome,
  type Softening,
  saysAnything,
  softened,
} from "./actions.ts";
import { type CheckKind, checkKinds, isOfRecipient, kinds, type Phase, phaseOf, phases, serversOf } from "./checks.ts";
import { lookUp, type Question } from "./look-up.ts";

interface Check {
  readonly kind: CheckKind;
  readonly at: Phase;
  readonly maps: readonly string[];
  readonly tables: readonly Table[];
}

/** What is said of a recipient softens refusals of this one only. */
interface Asked extends Question, Softening {}

export default definePlugin({
  name: "policy-access",
  api: 1,
  needs: { tables: Tables, resolver: Resolver, clientNames: ClientNames },
  config: Type.Object({
    checks: Type.Array(
      Type.Object({
        check: Type.Union(
          checkKinds.map((kind) => Type.Literal(kind)),
          { description: "What is looked up; `senderMx` and the like: the servers that DNS names for it." },
        ),
        maps: Type.Array(Type.String(), { minItems: 1, description: "Tables of access(5), asked in order." }),
        at: Type.Optional(
          Type.Union(
            phases.map((phase) => Type.Literal(phase)),
            { description: "At which hook; as early as can be, if left out." },
          ),
        ),
      }),
      { default: [], description: "Made in this order." },
    ),
    nullSenderKey: Type.String({
      default: "<>",
      minLength: 1,
      description: "Key of the null sender (smtpd_null_access_lookup_key).",
    }),
    exempt: Type.Object(
      {
        networks: Type.Array(Type.String(), { default: [], description: "Clients in these networks." }),
        authenticated: Type.Boolean({ default: false, description: "Clients that have logged in." }),
      },
      { description: "Who is left alone." },
    ),
    texts: Type.Object({
      refused: Type.String({
        default: "<{subject}>: {what} rejected: {text}",
        description: "What a refused client is told.",
      }),
      denied: Type.String({ default: "Access denied", description: "`{text}` where the table has none." }),
      unavailable: Type.String({ default: "<{subject}>: {what} rejected: cannot be looked up now" }),
      misconfigured: Type.String({ default: "Server configuration error" }),
    }),
  }),
  async setup({ config, needs, log, state }) {
    const checks: Check[] = [];
    for (const { check, maps, at } of config.checks) {
      const phase = phaseOf(check, at);
      if (typeof phase === "object") throw new Error(phase.mistake);
      checks.push({ kind: check, at: phase, maps, tables: await needs.tables.openAll(maps) });
    }
    const isExempt = exemptionOf(config.exempt);
    const { texts } = config;
    const ofSession = state((_: Session) => ({ connect: noEffects(), helo: noEffects() }));
    /** Most messages have none. */
    const ofEnvelope = new WeakMap<Envelope, Effects>();
    const effectsOf = (envelope: Envelope): Effects => {
      const effects = ofEnvelope.get(envelope) ?? noEffects();
      ofEnvelope.set(envelope, effects);
      return effects;
    };
    // What does not depend on the recipient is asked once a transaction, also when it is asked at RCPT.
    const askedBefore = state((_: Envelope) => new Map<Check, Outcome>());
    const isRepeated = ({ kind, at }: Check): boolean => at === "rcptTo" && !isOfRecipient(kind);

    function make(check: Check, question: Asked, before: Effects | null): Outcome | Promise<Outcome> {
      const { kind, at } = check;
      const { what } = kinds[kind];
      const unlessAuthenticated = isExempt.unlessAuthenticated && (at === "connect" || at === "helo");
      return whenKnown(lookUp(kind, check.tables, question, needs, config), (answer) => {
        if (answer.at === "nothing") return null;
        const { subject } = answer;
        if (answer.at === "unavailable")
          return defer(fillText(texts.unavailable, { subject, what }), { detail: "4.3", unlessAuthenticated });
        const effects = before ?? (question.envelope ? effectsOf(question.envelope) : noEffects());
        const fields = { check: kind, key: answer.hit.key, subject, ...facts(question) };
        return act(
          answer.hit.value,
          {
            what,
            subject,
            unlessAuthenticated,
            isUntrusted: serversOf(kind) !== null,
            isOfRecipient: isOfRecipient(kind),
          },
          {
            effects,
            softening: isOfRecipient(kind) ? question : effects,
            texts,
            mistake: (text) => log.error(fields, `an access table has what is no action: ${text}`),
            note: (level, text) => log[level](fields, text ?? "an access table takes note of this"),
          },
        );
      });
    }

    /** `before`: effects of what is checked before there is mail. */
    function run(phase: Phase, question: Asked, before: Effects | null, from = 0): Outcome | Promise<Outcome> {
      for (let index = from; index < checks.length; index += 1) {
        const check = checks[index];
        if (check?.at !== phase) continue;
        const known = question.envelope && isRepeated(check) ? askedBefore(question.envelope) : null;
        const answered = known?.get(check);
        const outcome = answered !== undefined ? answered : make(check, question, before);
        if (outcome instanceof Promise)
          return outcome.then((later) => {
            known?.set(check, later);
            return later ?? run(phase, question, before, index + 1);
          });
        known?.set(check, outcome);
        if (outcome !== null) return outcome;
      }
      return null;
    }

    const active: ReadonlySet<Phase> = new Set(checks.map(({ at }) => at));
    const beforeMail = (phase: "connect" | "helo", session: Session, call: Call) => {
      if (!active.has(phase) || isExempt(session)) return proceed;
      const effects = ofSession(session)[phase];
      // A second EHLO is judged anew.
      Object.assign(effects, noEffects());
      const question: Asked = { session, envelope: null, recipient: null, call, insteadOfReject: null };
      const all = phase === "connect" ? [effects] : [ofSession(session).connect, effects];
      return whenKnown(run(phase, question, effects), (outcome) => softened(outcome, all) ?? proceed);
    };
    const ofMail = (
      phase: "mailFrom" | "rcptTo" | "data",
      envelope: Envelope,
      recipient: Question["recipient"],
      call: Call,
    ) => {
      if (!active.has(phase) || isExempt(envelope.session)) return proceed;
      const question: Asked = { session: envelope.session, envelope, recipient, call, insteadOfReject: null };
      return whenKnown(run(phase, question, null), (outcome) =>
        outcome === null ? proceed : (softened(outcome, [question, ...effectsOn(envelope)]) ?? proceed),
      );
    };
    const effectsOn = (envelope: Envelope): readonly Effects[] => {
      const all: Effects[] = [];
      const { session } = envelope;
      if (session && (active.has("connect") || active.has("helo")) && !isExempt(session)) {
        const before = ofSession(session);
        if (saysAnything(before.connect)) all.push(before.connect);
        if (saysAnything(before.helo)) all.push(before.helo);
      }
      const own = ofEnvelope.get(envelope);
      if (own) all.push(own);
      return all;
    };
    return {
      check: () => findings(checks),
      hooks: {
        connect: (session, call) => beforeMail("connect", session, call),
        helo: (session, _, call) => beforeMail("helo", session, call),
        mailFrom: (envelope, _, call) => ofMail("mailFrom", envelope, null, call),
        rcptTo: (envelope, recipient, call) => ofMail("rcptTo", envelope, recipient, call),
        data: (envelope, call) =>
          whenKnown(ofMail("data", envelope, null, call), (verdict) =>
            verdict.verdict === "proceed"
              ? (effectsOn(envelope).find(({ deferral }) => deferral !== null)?.deferral ?? proceed)
              : verdict,
          ),
        message(envelope) {
          const effects = effectsOn(envelope);
          if (effects.length === 0) return proceed;
          const dropped = effects.find((one) => one.discard !== null)?.discard;
          if (dropped) return discard(dropped);
          const changes = effects.flatMap((one) => one.changes);
          if (changes.length === 0) return proceed;
          // access(5): of several prepended fields the first stands first; the kernel puts each above the last.
          return amend(
            ...changes.filter(({ op }) => op !== "prepend"),
            ...changes.filter(({ op }) => op === "prepend").reverse(),
          );
        },
      },
    };
  },
});

/** Values that are no actions put mail off when they are met: better told before. */
async function findings(checks: readonly Check[]): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  for (const { kind, maps, tables } of checks) {
    for (const [index, table] of tables.entries()) {
      for (const { at, value } of (await table.values?.()) ?? []) {
        const text = mistakeIn(value, serversOf(kind) !== null);
        if (text !== null && found.length < FINDINGS_LIMIT)
          found.push({ severity: "error", text: `${maps[index]}, ${at}: ${text}` });
      }
    }
  }
  return found;
}

const FINDINGS_LIMIT = 100;

const facts = ({ session, envelope, recipient }: Question): object => ({
  ...(session && { session: session.id, client: session.remote.address, helo: session.heloName }),
  ...(envelope && { id: envelope.id, from: envelope.reversePath === null ? "" : String(envelope.reversePath) }),
  ...(recipient && { to: String(recipient.address) }),
});
