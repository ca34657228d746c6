/**
 * Lets strangers wait for their greeting: SMTP says that the server speaks first (RFC 5321 3.1), and whoever cannot wait is no
 * mail server. While the KeyValue service cannot answer, strangers are deferred, as with any fault.
 */
import { clientNetwork } from "postern/mail";
import {
  Duration,
  definePlugin,
  Exempt,
  exemptionOf,
  fillText,
  isListedClient,
  KeyValue,
  proceed,
  refuse,
  type Session,
  Tables,
  Type,
} from "postern/plugin";
import { WaitingRoom } from "./waiting-room.ts";

/** Somebody with an IPv6 address has a whole /64 of them. */
const CLIENT_BITS = { ipv4: 32, ipv6: 64 };

interface Known {
  readonly sinceMs: number;
}

export default definePlugin({
  name: "policy-pregreet",
  api: 1,
  needs: { kv: KeyValue, tables: Tables },
  config: Type.Object({
    greetWait: Duration({
      default: "6s",
      minimum: "1ms",
      maximum: "20s",
      description: "How long a stranger waits for the greeting.",
    }),
    ttl: Duration({
      default: "1d",
      minimum: "1m",
      description: "How long a client that has waited once is no stranger.",
    }),
    waiting: Type.Integer({
      default: 500,
      minimum: 1,
      maximum: 100_000,
      description: "So many wait at once, per worker; beyond that strangers are greeted at once.",
    }),
    action: Type.Union([Type.Literal("defer"), Type.Literal("reject")], {
      default: "reject",
      description: "What early talkers get: `reject` (554) or `defer` (421); the connection ends.",
    }),
    exempt: Exempt(),
    exemptClients: Type.Array(Type.String(), {
      default: [],
      description: "Tables of clients that never wait, by address, network or verified name.",
    }),
    text: Type.String({
      default: "Spoke before the greeting",
      description: "Refusal; `{address}`.",
    }),
  }),
  async setup({ config, needs, clock, log, state }) {
    const isExempt = exemptionOf(config.exempt);
    const tables = await needs.tables.openAll(config.exemptClients);
    const known = needs.kv.space<Known>("policy-pregreet");
    const room = new WaitingRoom(config.waiting);
    let isFullLogged = false;

    /** Users do not wait for their own server, and with implicit TLS the client has the first word. */
    const isAsked = (session: Session): boolean =>
      session.listener.role === "mx" && session.tls === null && session.spokenEarly !== undefined && !isExempt(session);
    /** XCLIENT begins a session anew behind its greeting: whether that client would have waited cannot be seen from here. */
    const met = state((_: Session) => ({ isGreeted: false }));

    const tell = () => {
      if (!isFullLogged) log.warn({ waiting: config.waiting }, "too many strangers: some are greeted at once");
      isFullLogged = true;
    };

    const judge = async (session: Session, signal: AbortSignal) => {
      const client = clientNetwork(session.remote.address, CLIENT_BITS);
      if ((await known.get(client)) !== null || (await isListedClient(session, tables, needs.tables))) return proceed;
      if (room.isFull) {
        tell();
        return proceed;
      }
      isFullLogged = false;
      const behaviour = await room.wait(session, config.greetWait, signal);
      if (behaviour === "spoke") {
        const text = fillText(config.text, { address: session.remote.address });
        return refuse(config.action, text, { detail: "5.1", close: true });
      }
      if (behaviour === "waited") {
        const nowMs = clock.now();
        await known.update(client, () => ({ value: { sinceMs: nowMs }, expiresAtMs: nowMs + config.ttl }));
      }
      return proceed;
    };

    return {
      hooks: {
        connect(session, call) {
          const { isGreeted } = met(session);
          met(session).isGreeted = true;
          return !isGreeted && isAsked(session) ? judge(session, call.signal) : proceed;
        },
        disconnect: (session) => room.leave(session),
      },
      stop: async () => room.empty(),
    };
  },
});
