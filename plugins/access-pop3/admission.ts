/**
 * Who may have a maildrop now: one session by its lock, or several at a time (`maildrop: snapshot`), and none too soon after the
 * last one (RFC 2449 6.5). Rejects when the store or the server's key-value store cannot answer; nothing is held then.
 */
import type { Account, AccountMailboxes, Clock, KeyValue, KeyValueSpace } from "postern/plugin";
import type { Options } from "./options.ts";
import { err, type Reply } from "./reply.ts";

/** Ends with the session. */
export interface Hold {
  release(): void | Promise<void>;
}

export type Admitted =
  | { readonly at: "admitted"; readonly hold: Hold }
  | { readonly at: "refused"; readonly reply: Reply };

const refused = (reply: Reply): Admitted => ({ at: "refused", reply });

export class Admission {
  readonly #options: Options;
  readonly #clock: Clock;
  /** When an account logged in last, milliseconds since 1970. */
  readonly #logins: KeyValueSpace<number>;
  readonly #keyValue: KeyValue;

  constructor({ options, keyValue, clock }: { options: Options; keyValue: KeyValue; clock: Clock }) {
    this.#options = options;
    this.#clock = clock;
    this.#keyValue = keyValue;
    this.#logins = keyValue.space("access-pop3/logins");
  }

  async admit(account: Account, mailboxes: AccountMailboxes): Promise<Admitted> {
    const isLocked = this.#options.maildrop === "lock";
    const hold = isLocked ? await mailboxes.lockMaildrop() : await this.#enter(account.login);
    if (!hold) return refused(err(isLocked ? "inUse" : "tooManySessions", "IN-USE"));
    try {
      if (!(await this.#isTooSoon(account.login))) return { at: "admitted", hold };
    } catch (fault) {
      await hold.release();
      throw fault;
    }
    await hold.release();
    return refused(err("loginTooSoon", "LOGIN-DELAY"));
  }

  /** One more session of the account, whatever workers have the others; `null` if there are too many. */
  #enter(login: string): Promise<Hold | null> {
    return this.#keyValue.lease(`access-pop3/sessions/${login}`, this.#options.maxSessions);
  }

  /** Remembers this login unless it is refused: who asks too often does not wait longer for it. */
  async #isTooSoon(login: string): Promise<boolean> {
    const { loginDelay } = this.#options;
    if (loginDelay === 0) return false;
    const nowMs = this.#clock.now();
    let isTooSoon = false;
    await this.#logins.update(login, (lastMs) => {
      // A clock that was put back keeps nobody out.
      isTooSoon = lastMs !== null && lastMs <= nowMs && nowMs - lastMs < loginDelay;
      return isTooSoon ? null : { value: nowMs, expiresAtMs: nowMs + loginDelay };
    });
    return isTooSoon;
  }
}
