/**
 * Clients that wait for their greeting. One costs a timer and a listener; there are so many at most, and one that leaves is
 * forgotten at once.
 */
import type { Session } from "postern/plugin";

/** `left`: nobody is there any more to be greeted. */
export type Behaviour = "waited" | "spoke" | "left";

export class WaitingRoom {
  readonly #places: number;
  readonly #leaving = new Map<Session, () => void>();

  constructor(places: number) {
    this.#places = places;
  }

  get isFull(): boolean {
    return this.#leaving.size >= this.#places;
  }

  /** Resolves as soon as it is known. `given`: nobody waits for the answer any more. */
  wait(session: Session, waitMs: number, given: AbortSignal): Promise<Behaviour> {
    const early = session.spokenEarly;
    if (early?.aborted) return Promise.resolve("spoke");
    return new Promise((resolve) => {
      const end = (behaviour: Behaviour) => {
        clearTimeout(timer);
        early?.removeEventListener("abort", onEarly);
        given.removeEventListener("abort", onLeft);
        this.#leaving.delete(session);
        resolve(behaviour);
      };
      const onEarly = () => end("spoke");
      const onLeft = () => end("left");
      const timer = setTimeout(() => end("waited"), waitMs);
      early?.addEventListener("abort", onEarly, { once: true });
      given.addEventListener("abort", onLeft, { once: true });
      this.#leaving.set(session, onLeft);
    });
  }

  leave(session: Session): void {
    this.#leaving.get(session)?.();
  }

  empty(): void {
    for (const leave of [...this.#leaving.values()]) leave();
  }
}
