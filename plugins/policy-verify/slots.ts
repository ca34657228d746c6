/** How many questions go to one destination at once, and how many may wait in all. */
export class Slots {
  readonly #perKey: number;
  readonly #waitingLimit: number;
  readonly #taken = new Map<string, number>();
  readonly #waiting: { readonly key: string; readonly begin: () => void }[] = [];

  constructor(perKey: number, waitingLimit: number) {
    this.#perKey = perKey;
    this.#waitingLimit = waitingLimit;
  }

  /** Resolves with how to leave, when it is one's turn; `null` where too many wait already or the signal fires first. */
  enter(key: string, signal: AbortSignal): (() => void) | Promise<(() => void) | null> | null {
    if ((this.#taken.get(key) ?? 0) < this.#perKey) return this.#take(key);
    if (this.#waiting.length >= this.#waitingLimit || signal.aborted) return null;
    return new Promise((resolve) => {
      const give = (leave: (() => void) | null) => {
        signal.removeEventListener("abort", late);
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        resolve(leave);
      };
      const turn = { key, begin: () => give(this.#take(key)) };
      const late = () => give(null);
      this.#waiting.push(turn);
      signal.addEventListener("abort", late, { once: true });
    });
  }

  #take(key: string): () => void {
    this.#taken.set(key, (this.#taken.get(key) ?? 0) + 1);
    return () => {
      const left = (this.#taken.get(key) ?? 1) - 1;
      if (left > 0) this.#taken.set(key, left);
      else this.#taken.delete(key);
      this.#waiting.find((turn) => turn.key === key)?.begin();
    };
  }
}
