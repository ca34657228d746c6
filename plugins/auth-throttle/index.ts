/**
 * Slows down and bans whoever guesses passwords: by address, by network and by login, in every protocol. Counters are shared by
 * workers and outlive a restart. While they cannot be read, logins are deferred (454, UNAVAILABLE, SYS/TEMP).
 */
import { isWithin, type Network, parseNetwork } from "postern/mail";
import { Duration, defer, definePlugin, KeyValue, proceed, type Session, Type } from "postern/plugin";
import { Attempts, type Trying } from "./attempts.ts";
import { type CounterRules, Counters, keysOf, placesOf } from "./counters.ts";
import { type Delays, delayOf } from "./failures.ts";
import { PendingWrites } from "./pending-writes.ts";
import { WaitingRoom } from "./waiting-room.ts";

export default definePlugin({
  name: "auth-throttle",
  api: 1,
  needs: { keyValue: KeyValue },
  config: Type.Object({
    allow: Type.Array(Type.String(), {
      default: ["127.0.0.0/8", "::1"],
      description: "Networks that are neither counted nor held back: a webmail, a monitor.",
    }),
    period: Duration({ default: "1h", minimum: "1s", description: "How long a failure counts." }),
    delayAfter: Type.Integer({
      default: 3,
      minimum: 1,
      maximum: 100,
      description: "Failures of an address after which its next logins are held back.",
    }),
    loginDelayAfter: Type.Integer({
      default: 20,
      minimum: 1,
      maximum: 100,
      description: "Failures of a login, wherever they come from, after which strangers are held back.",
    }),
    firstDelay: Duration({
      default: "1s",
      minimum: "1ms",
      description: "The first delay; it doubles with each failure.",
    }),
    maxDelay: Duration({
      default: "10s",
      minimum: "1ms",
      maximum: "25s",
      description: "The longest delay; whoever would wait longer behind others of the same address is refused.",
    }),
    waiting: Type.Integer({
      default: 500,
      minimum: 1,
      maximum: 10_000,
      description: "Logins of each worker that may be held back at once; beyond that they are refused.",
    }),
    banAfter: Type.Integer({
      default: 10,
      minimum: 1,
      maximum: 100,
      description: "Failures within the period after which an address (in IPv6 its /64) is banned.",
    }),
    networkBanAfter: Type.Integer({
      default: 50,
      minimum: 1,
      maximum: 200,
      description: "The same for an IPv4 /24.",
    }),
    ban: Duration({ default: "10m", minimum: "1s", description: "The first ban; it doubles from ban to ban." }),
    maxBan: Duration({ default: "1d", minimum: "1s", description: "The longest ban." }),
    knownFor: Duration({
      default: "30d",
      minimum: "1m",
      description: "How long a network from which a login has succeeded is no stranger to it.",
    }),
    text: Type.String({
      default: "Too many failed logins, try again later",
      minLength: 1,
      maxLength: 200,
      description: "What is said to those who are banned or find no room to wait.",
    }),
  }),
  setup({ config, needs, log, clock, state }) {
    const allowed = config.allow.map(network);
    const counters = new Counters(needs.keyValue, clock, rulesOf(config));
    const room = new WaitingRoom({ room: config.waiting, maxMs: config.maxDelay });
    const addressDelays: Delays = { after: config.delayAfter, firstMs: config.firstDelay, maxMs: config.maxDelay };
    const loginDelays: Delays = { ...addressDelays, after: config.loginDelayAfter };
    const refusal = defer(config.text);
    const attempts = new Attempts(state((_: Session): Trying => ({ login: null, address: null })));
    const writes = new PendingWrites();

    const isExempt = ({ remote }: Session) => remote.address === "unix" || isWithin(remote.address, allowed) !== null;

    const count = async (remote: string, login: string | null, sameness: string | null): Promise<void> => {
      for (const { of, untilMs } of await counters.failed(remote, login, sameness)) {
        log.warn({ remote, banned: of, until: new Date(untilMs).toISOString() }, "banned after failed logins");
      }
    };

    return {
      hooks: {
        async authAttempt(session, { login }, call) {
          if (isExempt(session)) return proceed;
          const { address: remote } = session.remote;
          const [address] = placesOf(remote);
          const atOnce = attempts.begin(session, address, login);
          await writes.settled(keysOf(remote, login));
          const { banned, addressFailures, loginFailures } = await counters.standing(remote, login);
          const refused = () => {
            attempts.end(session);
            return refusal;
          };
          if (banned !== null) return refused();
          // An office behind one address may well begin a few at once; beyond that each counts as if it had failed.
          const count = addressFailures + Math.max(0, atOnce - config.banAfter);
          const delayMs = Math.max(delayOf(count, addressDelays), delayOf(loginFailures, loginDelays));
          if (delayMs === 0) return proceed;
          if (!(await room.wait(address, delayMs, call.signal))) return refused();
          // Others of this address may have failed meanwhile.
          return (await counters.standing(remote, login)).banned === null ? proceed : refused();
        },
        async authFailed(session, login, { sameness }) {
          if (isExempt(session)) return;
          attempts.end(session);
          const { address: remote } = session.remote;
          await writes.run(keysOf(remote, login), () => count(remote, login, sameness));
        },
        async login(session) {
          if (isExempt(session)) return;
          attempts.end(session);
          const login = attempts.loginOf(session) ?? session.identity?.login;
          if (login === undefined) return;
          const { address: remote } = session.remote;
          await writes.run(keysOf(remote, login), () => counters.succeeded(remote, login));
        },
        disconnect: (session) => attempts.end(session),
      },
      stop: async () => room.close(),
    };
  },
});

interface Options {
  readonly period: number;
  readonly banAfter: number;
  readonly networkBanAfter: number;
  readonly ban: number;
  readonly maxBan: number;
  readonly knownFor: number;
}

function rulesOf({ period, banAfter, networkBanAfter, ban, maxBan, knownFor }: Options): CounterRules {
  const rules = { periodMs: period, banMs: ban, maxBanMs: Math.max(ban, maxBan) };
  return {
    address: { ...rules, banAfter },
    network: { ...rules, banAfter: networkBanAfter },
    // Never banned: whoever guesses at somebody's login must not be able to lock its owner out.
    login: { ...rules, banAfter: null },
    knownForMs: knownFor,
  };
}

function network(text: string): Network {
  const parsed = parseNetwork(text);
  if (typeof parsed === "string") throw new Error(`allow: ${parsed}`);
  return parsed;
}
