/**
 * Who waits for the same thing takes turns: first by priority, then by sender, and within one sender the first to come is the first to go.
 * So one sender's hundred thousand cost another's one message a single turn. Lower priorities get every so many turns first, so
 * that nobody waits for ever.
 */
import { Fifo } from "./fifo.ts";
import { type Priority, priorities } from "./priority.ts";

export interface Waiting {
  /** See `senderOf`. */
  readonly sender: string;
  readonly priority: Priority;
}

/** Every tenth turn begins with bulk, every fourth of the others with what is normal. */
const BULK_TURN = 10;
const NORMAL_TURN = 4;
const usual: readonly Priority[] = priorities;
const normalFirst: readonly Priority[] = ["normal", "high", "bulk"];
const bulkFirst: readonly Priority[] = ["bulk", "high", "normal"];

export class Turns<T extends Waiting> {
  readonly #classes: { [priority in Priority]: SenderTurns<T> | null } = { high: null, normal: null, bulk: null };
  #size = 0;
  #turn = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    const those = this.#classes[item.priority] ?? new SenderTurns<T>();
    this.#classes[item.priority] = those;
    those.push(item);
    this.#size += 1;
  }

  /** The next one of those that `may` lets go; what it says may depend on nothing but the sender, the priority and who stands first. */
  shift(may: (item: T) => boolean): T | undefined {
    if (this.#size === 0) return undefined;
    for (const priority of this.#order()) {
      const item = this.#classes[priority]?.shift(may);
      if (item === undefined) continue;
      this.#size -= 1;
      this.#turn += 1;
      return item;
    }
    return undefined;
  }

  /** Room is short (`limit` and more wait) and this sender takes more than an even part of it; or there is no room at all. */
  isCrowded({ sender, priority }: Waiting, limit: number): boolean {
    if (this.#size < limit) return false;
    if (this.#size >= 2 * limit) return true;
    const those = this.#classes[priority];
    return those !== null && those.sizeOf(sender) >= Math.max(1, Math.floor(limit / (those.senders + 1)));
  }

  #order(): readonly Priority[] {
    if (this.#turn % BULK_TURN === BULK_TURN - 1) return bulkFirst;
    return this.#turn % NORMAL_TURN === NORMAL_TURN - 1 ? normalFirst : usual;
  }
}

interface Sender<T> {
  readonly name: string;
  readonly items: Fifo<T>;
}

class SenderTurns<T extends Waiting> {
  readonly #byName = new Map<string, Sender<T>>();
  readonly #rotation = new Fifo<Sender<T>>();

  get senders(): number {
    return this.#byName.size;
  }

  sizeOf(sender: string): number {
    return this.#byName.get(sender)?.items.size ?? 0;
  }

  push(item: T): void {
    const known = this.#byName.get(item.sender);
    if (known) {
      known.items.push(item);
      return;
    }
    const fresh: Sender<T> = { name: item.sender, items: new Fifo() };
    fresh.items.push(item);
    this.#byName.set(fresh.name, fresh);
    this.#rotation.push(fresh);
  }

  shift(may: (item: T) => boolean): T | undefined {
    for (let left = this.#rotation.size; left > 0; left -= 1) {
      const sender = this.#rotation.shift();
      const item = sender?.items.first;
      if (!sender || item === undefined) continue;
      if (!may(item)) {
        this.#rotation.push(sender);
        continue;
      }
      sender.items.shift();
      if (sender.items.size > 0) this.#rotation.push(sender);
      else this.#byName.delete(sender.name);
      return item;
    }
    return undefined;
  }
}
