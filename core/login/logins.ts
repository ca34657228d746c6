/**
 * `Logins`: who a client is, for every protocol. One place decides in which order plugins are asked, that an unknown user
 * and a wrong password cannot be told apart, and what the log says. Never throws; a fault is `unavailable`.
 */
import { randomBytes } from "node:crypto";
import type { LoginMethods, LoginStep, Logins } from "../contracts/account.ts";
import type { Clock } from "../contracts/clock.ts";
import type { Kernel } from "../contracts/kernel.ts";
import type { Log } from "../contracts/log.ts";
import type { Session } from "../contracts/session.ts";
import { Conversation } from "./conversation.ts";
import { type Failure, failure } from "./failure.ts";
import { Fakes } from "./fakes.ts";
import { BackEndMethods } from "./login-methods.ts";
import type { Desk, Exchange } from "./mechanisms/mechanism.ts";
import { Offer, type OfferOptions } from "./mechanisms/offer.ts";
import { checkedText } from "./mechanisms/text.ts";
import { Passwords, type PasswordsOptions } from "./passwords/passwords.ts";
import { Rehashing } from "./rehashing.ts";
import { isConfidential } from "./transport.ts";
import { type Trying, Verifier } from "./verifier.ts";

export interface LoginsDeps {
  readonly log: Log;
  readonly clock: Clock;
  readonly passwords?: Omit<PasswordsOptions, "clock" | "secret">;
  readonly offer?: OfferOptions;
  /** Iterations of SCRAM, of fakes and of what is made from passwords in clear. RFC 7677 4: at least 4,096. */
  readonly scramIterations?: number;
  /** Of the server; all workers need the same. Without one, it is made up. */
  readonly secret?: Uint8Array;
  readonly hostname?: string;
  /** What completes bare logins. */
  readonly origin?: string;
}

export interface OpenLogins extends Logins {
  readonly methods: LoginMethods;
  /** Ends the hash threads, after what they are making anew. */
  close(): Promise<void>;
}

export function createLogins(kernel: Pick<Kernel, "policy" | "claim" | "notice">, deps: LoginsDeps): OpenLogins {
  const { log, clock, hostname = "localhost", origin = hostname, scramIterations = 4096 } = deps;
  const secret = deps.secret ?? randomBytes(32);
  const passwords = new Passwords({ ...deps.passwords, clock, secret });
  const rehashing = new Rehashing(passwords, log, scramIterations);
  const fakes = new Fakes({ secret, domain: origin, iterations: scramIterations });
  const verifier = new Verifier({ kernel, passwords, rehashing, fakes, log });
  const methods = new BackEndMethods();
  const offer = new Offer(deps.offer ?? { mechanisms: null, cramMd5: false }, (method) => methods.can(method));

  const namesFor = (session: Session) => offer.to(session).map(({ name }) => name);
  const deskFor = (trying: Trying): Desk => ({
    session: trying.session,
    hostname,
    get offered() {
      return namesFor(trying.session);
    },
    get hints() {
      return methods.hints;
    },
    fakes,
    passwords,
    check: (attempt) => verifier.check(trying, attempt),
    lookUp: (login, authzid) => verifier.lookUp(trying, login, authzid),
    accept: (identity, asked) => verifier.accept(trying, identity, asked),
    invalid: (login, why) => verifier.invalid(trying, login, why),
    unavailable: (login, cause) => verifier.unavailable(trying, login, cause),
  });
  const converse = (trying: Trying, begin: (desk: Desk) => Exchange) =>
    new Conversation(begin(deskFor(trying)), {
      succeed: ({ login, identity }) => verifier.succeed(trying, login, identity),
      fault: (error) => verifier.unavailable(trying, null, error),
    });

  return {
    methods,
    mechanisms: namesFor,
    async begin(session, name, initialResponse) {
      if (!isConfidential(session)) return ended(failure("encryption"));
      const wanted = name.toUpperCase();
      const mechanism = offer.to(session).find((one) => one.name === wanted);
      if (!mechanism) return ended(failure("mechanism"));
      const conversation = converse({ session, mechanism: wanted }, (desk) => mechanism.begin(desk, initialResponse));
      return { conversation, step: await conversation.next(null) };
    },
    async password(session, login, password) {
      if (!isConfidential(session)) return failure("encryption");
      if (!offer.takesPasswords) return failure("mechanism");
      if (!checkedText(login) || !checkedText(password)) return failure("malformed");
      const attempt = { kind: "password", login, password, authzid: null } as const;
      return converse({ session, mechanism: "password" }, (desk) => once(desk.check(attempt))).next(null);
    },
    async close() {
      await rehashing.settled();
      await passwords.close();
    },
  };
}

/** A conversation without challenges. */
// biome-ignore lint/correctness/useYield: the client has nothing more to say
async function* once(ending: ReturnType<Desk["check"]>): Exchange {
  return ending;
}

const ended = (
  step: Failure,
): { step: LoginStep; conversation: Awaited<ReturnType<Logins["begin"]>>["conversation"] } => ({
  step,
  conversation: { next: () => Promise.resolve(step), cancel: () => undefined },
});
