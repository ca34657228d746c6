/**
 * Places that senders share. Whoever has little may take one as long as there is one; whoever has much leaves a quarter free for the others, and
 * bulk leaves half. So a newcomer finds a place at once, however long the others keep theirs.
 */
import type { Waiting } from "./turns.ts";

const MANY_PART = 3 / 4;
const BULK_PART = 1 / 2;

export class Shares {
  readonly #places: number;
  readonly #used = new Map<string, number>();
  #active = 0;

  constructor(places: number) {
    this.#places = places;
  }

  get active(): number {
    return this.#active;
  }

  may({ sender, priority }: Waiting): boolean {
    if (this.#active === 0) return true;
    if (this.#active >= this.#places) return false;
    if (this.#active < this.#places * BULK_PART || priority === "high") return true;
    if (priority === "bulk") return false;
    return this.#active < this.#places * MANY_PART || this.#hasLittle(sender);
  }

  take({ sender }: Waiting): void {
    this.#active += 1;
    this.#used.set(sender, (this.#used.get(sender) ?? 0) + 1);
  }

  give({ sender }: Waiting): void {
    this.#active -= 1;
    const left = (this.#used.get(sender) ?? 1) - 1;
    if (left > 0) this.#used.set(sender, left);
    else this.#used.delete(sender);
  }

  /** Less than half of an even part. */
  #hasLittle(sender: string): boolean {
    const used = this.#used.get(sender) ?? 0;
    return used < Math.max(1, this.#places / (2 * (this.#used.size + 1)));
  }
}
