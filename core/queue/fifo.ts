/** First in, first out, at the same cost however many wait. */
export class Fifo<T> {
  #first: Link<T> | null = null;
  #last: Link<T> | null = null;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The one that `shift` would give. */
  get first(): T | undefined {
    return this.#first?.item;
  }

  push(item: T): void {
    const link: Link<T> = { item, next: null };
    if (this.#last) this.#last.next = link;
    else this.#first = link;
    this.#last = link;
    this.#size += 1;
  }

  shift(): T | undefined {
    const first = this.#first;
    if (!first) return undefined;
    this.#first = first.next;
    if (!first.next) this.#last = null;
    this.#size -= 1;
    return first.item;
  }
}

interface Link<T> {
  readonly item: T;
  next: Link<T> | null;
}
