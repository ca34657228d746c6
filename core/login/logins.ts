/**
 * `Logins`: who a client is, for every protocol. One place decides in which order plugins are asked, that an unknown user
 * and a wrong password cannot be told apart, and what the log says. Never throws; a fault is `unavailable`.
 */
import type { Attempt, LoginStep, Logins } from "../contracts/account.ts";
import type { Clock } from "../contracts/clock.ts";
import type { Kernel } from "../contracts/kernel.ts";
import type { Log } from "../contracts/log.ts";
import type { Session } from "../contracts/session.ts";
import { Conversation } from "./conversation.ts";
import { failure } from "./failure.ts";
import { mechanismNamed, mechanisms } from "./mechanisms/table.ts";
import { checkedText } from "./mechanisms/text.ts";
import { Passwords, type PasswordsOptions } from "./passwords/passwords.ts";
import { isConfidential } from "./transport.ts";
import { Verifier } from "./verifier.ts";

export interface LoginsDeps {
  readonly log: Log;
  readonly clock: Clock;
  readonly passwords?: Omit<PasswordsOptions, "clock">;
}

export interface OpenLogins extends Logins {
  /** Ends the hash threads. */
  close(): Promise<void>;
}

export function createLogins(kernel: Pick<Kernel, "policy" | "claim" | "notice">, deps: LoginsDeps): OpenLogins {
  const passwords = new Passwords({ ...deps.passwords, clock: deps.clock });
  const verifier = new Verifier(kernel, passwords, deps.log);
  const check = (session: Session, mechanism: string) => (attempt: Attempt) =>
    verifier.check({ session, mechanism, attempt });
  return {
    mechanisms: (session) =>
      mechanisms.filter((one) => !one.isReadable || isConfidential(session)).map(({ name }) => name),
    async begin(session, name, initialResponse) {
      const mechanism = mechanismNamed(name);
      if (!mechanism) return ended(failure("mechanism"));
      if (mechanism.isReadable && !isConfidential(session)) return ended(failure("encryption"));
      const conversation = new Conversation(mechanism.begin(), check(session, mechanism.name));
      return { conversation, step: await conversation.next(initialResponse) };
    },
    password(session, login, password) {
      if (!isConfidential(session)) return Promise.resolve(failure("encryption"));
      if (!checkedText(login) || !checkedText(password)) return Promise.resolve(failure("malformed"));
      return check(session, "password")({ kind: "password", login, password, authzid: null });
    },
    close: () => passwords.close(),
  };
}

const ended = (step: LoginStep) => ({
  step,
  conversation: { next: () => Promise.resolve(step), cancel: () => undefined },
});
