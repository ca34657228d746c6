/**
 * Logins that are being tried, by address, in this worker: a burst of them is judged by their number before the first has failed.
 * A session tries one at a time, and has ended with it at the latest when it disconnects.
 */
import type { Session } from "postern/plugin";

export interface Trying {
  login: string | null;
  /** `null`: nothing is being tried. */
  address: string | null;
}

export class Attempts {
  readonly #state: (session: Session) => Trying;
  readonly #count = new Map<string, number>();

  constructor(state: (session: Session) => Trying) {
    this.#state = state;
  }

  /** Answers how many this address tries at once, this one included. */
  begin(session: Session, address: string, login: string | null): number {
    this.end(session);
    const trying = this.#state(session);
    trying.login = login;
    trying.address = address;
    const count = (this.#count.get(address) ?? 0) + 1;
    this.#count.set(address, count);
    return count;
  }

  /** Safe to call twice. */
  end(session: Session): void {
    const trying = this.#state(session);
    const { address } = trying;
    if (address === null) return;
    trying.address = null;
    const left = (this.#count.get(address) ?? 1) - 1;
    if (left > 0) this.#count.set(address, left);
    else this.#count.delete(address);
  }

  /** As the client wrote it, which need not be the account's. */
  loginOf(session: Session): string | null {
    return this.#state(session).login;
  }
}
