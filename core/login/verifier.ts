/**
 * One attempt to log in: `authAttempt` may refuse it, `credentials` may know what is stored, else `auth` may know how to
 * check it. Sets `session.identity` on success. Every failure that a client can cause by guessing takes a hash's time.
 */
import type { Attempt, Identity, LoginStep } from "../contracts/account.ts";
import type { Kernel } from "../contracts/kernel.ts";
import type { Log } from "../contracts/log.ts";
import type { Session } from "../contracts/session.ts";
import { type Failure, failure } from "./failure.ts";
import type { Passwords } from "./passwords/passwords.ts";

export interface Attempting {
  readonly session: Session;
  readonly mechanism: string;
  readonly attempt: Attempt;
}

type Found = { readonly at: "identified"; readonly identity: Identity } | Failure;

export class Verifier {
  readonly #kernel: Pick<Kernel, "policy" | "claim" | "notice">;
  readonly #passwords: Passwords;
  readonly #log: Log;

  constructor(kernel: Pick<Kernel, "policy" | "claim" | "notice">, passwords: Passwords, log: Log) {
    this.#kernel = kernel;
    this.#passwords = passwords;
    this.#log = log;
  }

  async check(attempting: Attempting): Promise<LoginStep> {
    let found: Found;
    try {
      found = await this.#identify(attempting);
    } catch (error) {
      this.#log.error({ ...facts(attempting), err: error }, "a login could not be checked");
      found = failure("unavailable");
    }
    if (found.at !== "identified") return this.#fail(attempting, found);
    return this.#succeed(attempting, await this.#withAccount(found.identity));
  }

  async #identify({ session, mechanism, attempt }: Attempting): Promise<Found> {
    const { login } = attempt;
    const { verdict } = await this.#kernel.policy("authAttempt", session, { login, mechanism });
    if (verdict.verdict === "reject" || verdict.verdict === "defer") {
      return failure("refused", { text: verdict.refusal.text, isTemporary: verdict.verdict === "defer" });
    }
    if (verdict.verdict !== "proceed" && verdict.verdict !== "allow") return failure("unavailable");
    if (attempt.kind === "password") {
      const stored = (await this.#kernel.claim("credentials", { login: attempt.login, authzid: attempt.authzid }))
        .verdict;
      if (stored?.verdict === "defer") return failure("unavailable");
      if (stored) return this.#comparePassword(attempt, stored.identity, stored.secrets);
    }
    return this.#askElsewhere(session, attempt);
  }

  async #comparePassword(
    attempt: Attempt & { kind: "password" },
    identity: Identity,
    secrets: readonly string[],
  ): Promise<Found> {
    const answer = await this.#passwords.check(attempt.login, attempt.password, secrets);
    if (answer.at === "unavailable") {
      if (answer.isFaulty) {
        this.#log.error({ login: attempt.login, cause: answer.reason }, "a stored password cannot be used");
      } else this.#log.warn({ login: attempt.login, cause: answer.reason }, "a password could not be checked now");
      return failure("unavailable");
    }
    return answer.at === "right" && mayActAs(identity, attempt) ? { at: "identified", identity } : failure("invalid");
  }

  /** Nobody has stored anything: LDAP binds, PAM, tokens. */
  async #askElsewhere(session: Session, attempt: Attempt): Promise<Found> {
    const { verdict } = await this.#kernel.claim("auth", attempt, session);
    if (verdict?.verdict === "authenticated") {
      return mayActAs(verdict.identity, attempt)
        ? { at: "identified", identity: verdict.identity }
        : failure("invalid");
    }
    if (verdict?.verdict === "defer") return failure("unavailable");
    if (attempt.kind === "password") {
      const answer = await this.#passwords.pretend(attempt.login, attempt.password);
      if (answer.at === "unavailable") return failure("unavailable");
    }
    return verdict ? failure("refused", { text: verdict.refusal.text }) : failure("invalid");
  }

  /** Who checks passwords need not know mailboxes. Without an answer the identity stays without an account. */
  async #withAccount(identity: Identity): Promise<Identity> {
    if (identity.account) return identity;
    const { verdict } = await this.#kernel.claim("findAccount", { login: identity.login });
    return verdict?.verdict === "found" ? { ...identity, account: verdict.account } : identity;
  }

  #succeed(attempting: Attempting, identity: Identity): LoginStep {
    const { session } = attempting;
    (session as { identity: Identity | null }).identity = identity;
    this.#log.info({ ...facts(attempting), as: identity.login }, "logged in");
    this.#kernel.notice("login", session);
    return { at: "success", identity };
  }

  #fail(attempting: Attempting, step: Failure): LoginStep {
    this.#log.info({ ...facts(attempting), cause: step.cause }, "login failed");
    if (step.cause === "invalid" || step.cause === "refused") {
      this.#kernel.notice("authFailed", attempting.session, attempting.attempt.login, {
        mechanism: attempting.mechanism,
        sameness: null,
      });
    }
    return step;
  }
}

/** RFC 4616 2: whoever asks to act as another must be allowed to. A directory that allows it answers with that identity. */
function mayActAs(
  identity: Identity,
  { authzid, login }: { readonly authzid?: string | null; readonly login: string | null },
) {
  if (!authzid) return true;
  const wanted = authzid.toLowerCase();
  if (wanted === identity.login.toLowerCase()) return true;
  return wanted === login?.toLowerCase() && identity.login !== "";
}

const facts = ({ session, mechanism, attempt }: Attempting) => ({
  session: session.id,
  protocol: session.protocol,
  remote: session.remote.address,
  mechanism,
  login: attempt.login,
});
