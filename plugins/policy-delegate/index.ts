/**
 * Asks a policy server in Postfix's protocol (SMTPD_POLICY_README): postgrey, policyd-spf and the like. A server that is away, is
 * silent or talks nonsense is a fault, which the log names and which puts the client off, unless another answer is configured.
 */
import { parseAccessAction } from "postern/mail";
import {
  amend,
  type Call,
  ClientNames,
  Duration,
  definePlugin,
  discard,
  type Envelope,
  Exempt,
  exemptionOf,
  proceed,
  type Session,
  Type,
} from "postern/plugin";
import { type Outcome, outcomeOf } from "./outcome.ts";
import { PolicyServer } from "./policy-server.ts";
import { type Asked, writeQuestion } from "./question.ts";
import { parseServerAddress } from "./server-address.ts";

const Moment = Type.Union([Type.Literal("rcpt"), Type.Literal("data"), Type.Literal("end")]);

export default definePlugin({
  name: "policy-delegate",
  api: 1,
  needs: { names: ClientNames },
  config: Type.Object({
    server: Type.String({
      description: "`inet:127.0.0.1:10023` or `unix:/run/postgrey/socket`.",
      expected: "inet:host:port or unix:path",
    }),
    at: Type.Array(Moment, {
      default: ["rcpt"],
      minItems: 1,
      description:
        "When it is asked: `rcpt` for each recipient, `data` before the message, `end` when it is here and its size known.",
    }),
    fallback: Type.String({
      default: "451 4.3.5 Server configuration problem",
      description: "The action taken when there is no answer; `DUNNO` lets mail pass.",
    }),
    timeout: Duration({
      default: "20s",
      minimum: "100ms",
      maximum: "25s",
      description: "How long one answer may take.",
    }),
    connections: Type.Integer({
      minimum: 1,
      maximum: 1_000,
      default: 20,
      description: "Connections at once, per worker.",
    }),
    idle: Duration({ default: "5m", minimum: "1s", description: "How long an unused connection is kept." }),
    context: Type.String({ default: "", description: "What the server is told as `policy_context`." }),
    exempt: Exempt(),
    texts: Type.Object({
      reject: Type.String({ default: "Access denied", description: "Where the server gives no text of its own." }),
      defer: Type.String({ default: "Try again later" }),
    }),
  }),
  setup({ config, configDir, needs, log, state }) {
    const address = parseServerAddress(config.server, configDir);
    if (typeof address === "string") throw new Error(address);
    const fallback = parseAccessAction(config.fallback);
    if (typeof fallback === "string") throw new Error(`fallback: ${fallback}`);
    const server = new PolicyServer({
      address,
      connections: config.connections,
      timeoutMs: config.timeout,
      idleMs: config.idle,
    });
    const isExempt = exemptionOf(config.exempt);
    const moments = new Set(config.at);
    /** What was said of a recipient and concerns the whole message. */
    const pending = state((_: Envelope) => ({ outcome: null as Exclude<Outcome, { at: "now" }> | null }));

    const reverseName = async ({ remote }: Session): Promise<string | null> => {
      if (remote.hostname !== null) return remote.hostname;
      const found = await needs.names.find(remote.address);
      return found.at === "unknown" ? null : found.name;
    };
    const ask = async (asked: Omit<Asked, "reverseName" | "context">, { signal }: Call): Promise<Outcome> => {
      const question = writeQuestion({
        ...asked,
        reverseName: await reverseName(asked.session),
        context: config.context,
      });
      const fields = { server: config.server, state: asked.state, id: asked.envelope.id };
      try {
        const raw = await server.ask(question, signal);
        const action = parseAccessAction(raw);
        if (typeof action !== "string") {
          if (action.does === "warn") log.warn({ ...fields, text: action.text }, "warned by the policy server");
          else if (action.does === "info") log.info({ ...fields, text: action.text }, "told by the policy server");
          return outcomeOf(action, config.server, config.texts);
        }
        log.error({ ...fields, cause: action }, "the policy server's answer makes no sense");
      } catch (cause) {
        log.error({ ...fields, cause: (cause as Error).message }, "the policy server gives no answer");
      }
      return outcomeOf(fallback, config.server, config.texts);
    };
    const atOnce = async (envelope: Envelope, outcome: Promise<Outcome>) => {
      const known = await outcome;
      if (known.at === "now") return known.verdict;
      pending(envelope).outcome = known;
      return proceed;
    };
    return {
      hooks: {
        rcptTo(envelope, { address: recipient }, call) {
          const { session } = envelope;
          if (!moments.has("rcpt") || session === null || isExempt(session)) return proceed;
          const asked = { state: "RCPT", envelope, session, recipient: String(recipient), sizeBytes: null } as const;
          return atOnce(envelope, ask(asked, call));
        },
        data(envelope, call) {
          const { session } = envelope;
          if (!moments.has("data") || session === null || isExempt(session)) return proceed;
          return atOnce(envelope, ask({ state: "DATA", envelope, session, recipient: null, sizeBytes: null }, call));
        },
        message(envelope, { sizeBytes }, call) {
          const { session } = envelope;
          const before = pending(envelope).outcome;
          if (before?.at === "discard") return discard(before.reason);
          const asksNow = moments.has("end") && session !== null && !isExempt(session);
          const changes = before?.at === "redirect" ? [before.change] : [];
          if (!asksNow) return changes.length > 0 ? amend(...changes) : proceed;
          const asked = { state: "END-OF-MESSAGE", envelope, session, recipient: null, sizeBytes } as const;
          return ask(asked, call).then((outcome) => {
            if (outcome.at === "discard") return discard(outcome.reason);
            if (outcome.at === "redirect") return amend(outcome.change);
            const { verdict } = outcome;
            if (changes.length === 0 || verdict.verdict === "reject" || verdict.verdict === "defer") return verdict;
            return amend(...changes, ...(verdict.verdict === "amend" ? verdict.changes : []));
          });
        },
      },
      stop: async () => server.close(),
    };
  },
});
