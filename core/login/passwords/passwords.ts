/**
 * Whether a password fits what a directory stores. Expensive schemes go to the hash pool, cheap ones are answered at once.
 * Never throws: what cannot be told now is `unavailable`, with a reason for the log that holds no secret.
 */
import type { Clock } from "../../contracts/clock.ts";
import { Decoys } from "./decoys.ts";
import { HashPool, type HashPoolOptions, PoolBusy } from "./hash-pool.ts";
import { RecentSuccesses } from "./recent-successes.ts";
import { parseSecret } from "./scheme.ts";
import type { ScramCost, ScramKeys } from "./scram-keys.ts";
import { isWeaker, type NewSecret, schemeNamed } from "./table.ts";

export type PasswordAnswer =
  | { readonly at: "right"; readonly secret: string }
  | { readonly at: "wrong" }
  | { readonly at: "unavailable"; readonly reason: string; readonly isFaulty: boolean };

export interface PasswordsOptions extends HashPoolOptions {
  readonly clock: Clock;
  /** Of this server; made up if left out. */
  readonly secret?: Uint8Array;
  /** How long a success is remembered; 0: not at all. */
  readonly rememberMs?: number;
}

export class Passwords {
  readonly #pool: HashPool;
  readonly #decoys: Decoys;
  readonly #recent: RecentSuccesses | null;

  constructor(options: PasswordsOptions) {
    this.#pool = new HashPool(options);
    this.#decoys = new Decoys(options.secret);
    const ttlMs = options.rememberMs ?? 300_000;
    this.#recent = ttlMs > 0 ? new RecentSuccesses({ clock: options.clock, ttlMs }) : null;
  }

  /** Several secrets: any of them will do (application passwords, a scheme in transition). */
  async check(login: string, password: string, secrets: readonly string[]): Promise<PasswordAnswer> {
    if (secrets.length === 0) return this.pretend(login, password);
    let unavailable: PasswordAnswer | null = null;
    for (const secret of secrets) {
      const answer = await this.#checkOne(login, password, secret);
      if (answer.at === "right") return answer;
      if (answer.at === "unavailable") unavailable ??= answer;
    }
    return unavailable ?? { at: "wrong" };
  }

  /** Takes as long as checking a wrong password does, and answers as if it had been one. */
  async pretend(login: string, password: string): Promise<PasswordAnswer> {
    const answer = await this.#verify(password, this.#decoys.for(login));
    return answer.at === "right" ? { at: "wrong" } : answer;
  }

  /** What SCRAM makes of a password; for the challenge only, so nothing is remembered. Rejects like the pool. */
  scramKeys(password: string, cost: ScramCost): Promise<ScramKeys> {
    return this.#pool.run({ do: "scramKeys", password, cost });
  }

  /** A stronger secret for this password; `null` if the old one is strong enough. Rejects like the pool. */
  async stronger(password: string, secret: string, wanted: NewSecret): Promise<string | null> {
    return isWeaker(secret, wanted) ? this.#pool.run({ do: "make", password, as: wanted }) : null;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  async #checkOne(login: string, password: string, secret: string): Promise<PasswordAnswer> {
    const stored = parseSecret(secret);
    const isSlow = stored !== null && schemeNamed(stored.scheme)?.isSlow === true;
    if (isSlow && this.#recent?.has(login, password, secret)) return { at: "right", secret };
    const answer = await this.#verify(password, secret);
    if (answer.at === "unavailable") return answer;
    this.#decoys.learn(secret);
    if (isSlow && answer.at === "right") this.#recent?.add(login, password, secret);
    return answer;
  }

  async #verify(password: string, secret: string): Promise<PasswordAnswer> {
    const stored = parseSecret(secret);
    const scheme = stored && schemeNamed(stored.scheme);
    if (!stored || !scheme) return { at: "unavailable", reason: unknownScheme(secret), isFaulty: true };
    try {
      const isRight = scheme.isSlow
        ? await this.#pool.run({ do: "verify", password, secret })
        : scheme.verify(password, stored);
      return isRight ? { at: "right", secret } : { at: "wrong" };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { at: "unavailable", reason, isFaulty: !(error instanceof PoolBusy) };
    }
  }
}

/** Names the scheme, if there is one that can be named, and nothing of the secret. */
function unknownScheme(secret: string): string {
  const name = /^\{[A-Za-z0-9.-]{1,32}\}/.exec(secret)?.[0];
  return name ? `password scheme ${name} is not known` : "the stored password names no scheme";
}
