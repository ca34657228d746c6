/**
 * A stronger secret in the place of a weak one, once a login has shown the password. Runs beside the login, one at a time for each
 * secret; whatever fails is logged, and the next login tries again.
 */
import type { Log } from "../contracts/log.ts";
import type { Rehash } from "../contracts/verdicts.ts";
import { PoolBusy } from "./passwords/hash-pool.ts";
import type { Passwords } from "./passwords/passwords.ts";

export class Rehashing {
  readonly #passwords: Pick<Passwords, "stronger">;
  readonly #log: Log;
  readonly #iterations: number;
  /** Bounded by the hash pool's waiting line. */
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(passwords: Pick<Passwords, "stronger">, log: Log, iterations: number) {
    this.#passwords = passwords;
    this.#log = log;
    this.#iterations = iterations;
  }

  begin(login: string, password: string, old: string, rehash: Rehash): void {
    if (this.#underWay.has(old)) return;
    const work = this.#replace(login, password, old, rehash).finally(() => this.#underWay.delete(old));
    this.#underWay.set(old, work);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#underWay.values());
  }

  async #replace(login: string, password: string, old: string, { scheme, replace }: Rehash): Promise<void> {
    try {
      const fresh = await this.#passwords.stronger(password, old, { scheme, iterations: this.#iterations });
      if (fresh === null) return;
      if (await replace(old, fresh)) this.#log.info({ login, scheme }, "stored password hashed anew");
    } catch (error) {
      if (error instanceof PoolBusy) return this.#log.debug({ login }, "no time to hash a password anew");
      this.#log.warn(
        { login, cause: error instanceof Error ? error.message : String(error) },
        "password not hashed anew",
      );
    }
  }
}
