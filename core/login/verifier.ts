/**
 * One attempt to log in: `authAttempt` may refuse it, `credentials` may know what is stored, else `auth` may know how to
 * check it. Every failure that a client can cause by guessing takes a hash's time; each is told and logged as soon as it is known.
 */
import type { Attempt, Identity } from "../contracts/account.ts";
import type { Kernel } from "../contracts/kernel.ts";
import type { Log } from "../contracts/log.ts";
import type { Session } from "../contracts/session.ts";
import type { Stored } from "../contracts/verdicts.ts";
import { certificateNames } from "./certificate-names.ts";
import { type Failure, failure } from "./failure.ts";
import type { Fakes } from "./fakes.ts";
import type { Ending, Kept } from "./mechanisms/mechanism.ts";
import { PoolBusy } from "./passwords/hash-pool.ts";
import type { Passwords } from "./passwords/passwords.ts";
import type { Rehashing } from "./rehashing.ts";

/** Who tries, and how. */
export interface Trying {
  readonly session: Session;
  readonly mechanism: string;
}

export interface VerifierParts {
  readonly kernel: Pick<Kernel, "policy" | "claim" | "notice">;
  readonly passwords: Passwords;
  readonly rehashing: Rehashing;
  readonly fakes: Fakes;
  readonly log: Log;
}

type PasswordAttempt = Attempt & { kind: "password" };
type Checked = Identity | Failure;

export class Verifier {
  readonly #parts: VerifierParts;

  constructor(parts: VerifierParts) {
    this.#parts = parts;
  }

  async check(trying: Trying, attempt: Attempt): Promise<Ending> {
    const { login } = attempt;
    try {
      const checked = (await this.#admit(trying, login)) ?? (await this.#identify(trying.session, attempt));
      if (!("at" in checked)) return { at: "identified", login, identity: checked };
      const isChecked = checked.cause === "invalid" || checked.cause === "refused";
      return this.#fail(trying, login, checked, {
        told: isChecked && !admissions.has(checked),
        sameness: attempt.kind === "password" ? this.#parts.fakes.sameness(attempt.login, attempt.password) : null,
      });
    } catch (error) {
      return this.unavailable(trying, login, error);
    }
  }

  async lookUp(trying: Trying, login: string, authzid: string | null): Promise<Kept | Failure> {
    try {
      const refused = await this.#admit(trying, login);
      if (refused) return this.#fail(trying, login, refused);
      const { verdict } = await this.#parts.kernel.claim("credentials", { login, authzid });
      if (verdict?.verdict === "defer") return this.#fail(trying, login, failure("unavailable"));
      return { at: "kept", identity: verdict?.identity ?? null, secrets: verdict?.secrets ?? [] };
    } catch (error) {
      return this.unavailable(trying, login, error);
    }
  }

  accept(trying: Trying, identity: Identity, asked: { login: string; authzid: string | null }): Ending {
    if (mayActAs(identity, asked)) return { at: "identified", login: asked.login, identity };
    return this.invalid(trying, asked.login, "may not act as another");
  }

  invalid(trying: Trying, login: string, why: string): Failure {
    return this.#fail(trying, login, failure("invalid"), { told: true, why });
  }

  unavailable(trying: Trying, login: string | null, cause: unknown): Failure {
    const { log } = this.#parts;
    if (cause instanceof PoolBusy) log.warn({ login, cause: cause.message }, "a password could not be checked now");
    else log.error({ ...factsOf(trying, login), err: cause }, "a login could not be checked");
    return this.#fail(trying, login, failure("unavailable"));
  }

  /** Sets `session.identity`. */
  async succeed(trying: Trying, login: string | null, identified: Identity): Promise<Identity> {
    const { session } = trying;
    const identity = { ...(await this.#withAccount(identified)), mechanism: trying.mechanism };
    (session as { identity: Identity | null }).identity = identity;
    this.#parts.log.info({ ...factsOf(trying, login), as: identity.login }, "logged in");
    this.#parts.kernel.notice("login", session);
    return identity;
  }

  async #admit({ session, mechanism }: Trying, login: string | null): Promise<Failure | null> {
    const { verdict } = await this.#parts.kernel.policy("authAttempt", session, { login, mechanism });
    if (verdict.verdict === "proceed" || verdict.verdict === "allow") return null;
    const isRefusal = verdict.verdict === "reject" || verdict.verdict === "defer";
    if (!isRefusal) return failure("unavailable");
    const refused = failure("refused", { text: verdict.refusal.text, isTemporary: verdict.verdict === "defer" });
    admissions.add(refused);
    return refused;
  }

  async #identify(session: Session, attempt: Attempt): Promise<Checked> {
    if (attempt.kind !== "password") return this.#askElsewhere(session, attempt);
    const { login, authzid } = attempt;
    const { verdict } = await this.#parts.kernel.claim("credentials", { login, authzid });
    if (verdict?.verdict === "defer") return failure("unavailable");
    return verdict ? this.#comparePassword(attempt, verdict) : this.#askElsewhere(session, attempt);
  }

  async #comparePassword(attempt: PasswordAttempt, { identity, secrets, rehash }: Stored): Promise<Checked> {
    const { log, passwords, rehashing } = this.#parts;
    const { login, password } = attempt;
    const answer = await passwords.check(login, password, secrets);
    if (answer.at === "unavailable") {
      if (answer.isFaulty) log.error({ login, cause: answer.reason }, "a stored password cannot be used");
      else log.warn({ login, cause: answer.reason }, "a password could not be checked now");
      return failure("unavailable");
    }
    if (answer.at !== "right" || !mayActAs(identity, attempt)) return failure("invalid");
    if (rehash) rehashing.begin(login, password, answer.secret, rehash);
    return identity;
  }

  /** Nobody has stored anything: LDAP binds, PAM, tokens, certificates. */
  async #askElsewhere(session: Session, attempt: Attempt): Promise<Checked> {
    const { verdict } = await this.#parts.kernel.claim("auth", attempt, session);
    if (verdict?.verdict === "authenticated") {
      const isAllowed =
        attempt.kind === "password"
          ? mayActAs(verdict.identity, attempt)
          : await this.#isSameAccount(attempt.login, verdict.identity);
      return isAllowed ? verdict.identity : failure("invalid");
    }
    if (verdict?.verdict === "defer") return failure("unavailable");
    if (attempt.kind === "password") {
      const answer = await this.#parts.passwords.pretend(attempt.login, attempt.password);
      if (answer.at === "unavailable") return failure("unavailable");
    }
    if (verdict) return failure("refused", { text: verdict.refusal.text });
    return attempt.kind === "certificate" ? this.#byCertificate(session, attempt.login) : failure("invalid");
  }

  /** RFC 4422 A: the names in a certificate that an authority of the listener's vouches for. */
  async #byCertificate({ tls }: Session, wanted: string | null): Promise<Checked> {
    if (!tls?.isClientVerified) return failure("invalid");
    for (const login of certificateNames(tls)) {
      const { verdict } = await this.#parts.kernel.claim("findAccount", { login });
      if (verdict?.verdict === "defer") return failure("unavailable");
      if (verdict?.verdict !== "found") continue;
      const identity = { login: verdict.account.login, account: verdict.account };
      if (await this.#isSameAccount(wanted, identity)) return identity;
    }
    return failure("invalid");
  }

  /** What a client says beside a token or a certificate is only a wish: it must lead to the account that was shown. */
  async #isSameAccount(wanted: string | null, identity: Identity): Promise<boolean> {
    if (wanted === null || wanted.toLowerCase() === identity.login.toLowerCase()) return true;
    const [shown, asked] = [await this.#withAccount(identity), await this.#withAccount({ login: wanted })];
    return shown.account !== undefined && shown.account.login === asked.account?.login;
  }

  /** Who checks passwords need not know mailboxes. Without an answer the identity stays without an account. */
  async #withAccount(identity: Identity): Promise<Identity> {
    if (identity.account) return identity;
    const { verdict } = await this.#parts.kernel.claim("findAccount", { login: identity.login });
    return verdict?.verdict === "found" ? { ...identity, account: verdict.account } : identity;
  }

  #fail(
    trying: Trying,
    login: string | null,
    step: Failure,
    { told = false, sameness = null, why }: { told?: boolean; sameness?: string | null; why?: string } = {},
  ): Failure {
    const { log, kernel } = this.#parts;
    log.info({ ...factsOf(trying, login), cause: step.cause, ...(why !== undefined && { why }) }, "login failed");
    if (told) kernel.notice("authFailed", trying.session, login, { mechanism: trying.mechanism, sameness });
    return step;
  }
}

/** Refusals of `authAttempt`: nothing was checked, so nobody has failed. */
const admissions = new WeakSet<Failure>();

/** RFC 4616 2: whoever asks to act as another must be allowed to. A directory that allows it answers with that identity. */
function mayActAs(identity: Identity, { authzid, login }: { readonly authzid: string | null; readonly login: string }) {
  if (!authzid) return true;
  const wanted = authzid.toLowerCase();
  return wanted === identity.login.toLowerCase() || (wanted === login.toLowerCase() && identity.login !== "");
}

/** In an order that docs and the filter of fail2ban rely on: what clients choose comes last. */
const factsOf = ({ session, mechanism }: Trying, login: string | null) => ({
  session: session.id,
  protocol: session.protocol,
  remote: session.remote.address,
  mechanism,
  login,
});
