/** Who is due next: a binary heap in two flat arrays, so that a million waiting messages cost little more than their ids. */
export class DueHeap {
  readonly #ids: string[] = [];
  readonly #dueAt: number[] = [];

  get size(): number {
    return this.#ids.length;
  }

  /** Milliseconds since 1970; `null` when nobody waits. */
  get nextDueAt(): number | null {
    return this.#dueAt[0] ?? null;
  }

  add(id: string, dueAt: number): void {
    let at = this.#ids.length;
    this.#ids.push(id);
    this.#dueAt.push(dueAt);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#due(parent) <= dueAt) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#ids[at] = id;
    this.#dueAt[at] = dueAt;
  }

  /** The id that is due first if it is due by then, else `null`. */
  takeDue(untilMs: number): string | null {
    const [first] = this.#ids;
    if (first === undefined || this.#due(0) > untilMs) return null;
    const id = this.#ids.pop() ?? first;
    const dueAt = this.#dueAt.pop() ?? 0;
    if (this.#ids.length > 0) this.#sink(id, dueAt);
    return first;
  }

  /** In no order. */
  get ids(): readonly string[] {
    return [...this.#ids];
  }

  /** Takes out those that wait here, whenever they are due. */
  takeOut(wanted: ReadonlySet<string>): readonly string[] {
    const taken: string[] = [];
    const waiting = this.#ids.map((id, at): [string, number] => [id, this.#due(at)]);
    this.#ids.length = 0;
    this.#dueAt.length = 0;
    for (const [id, dueAt] of waiting) {
      if (wanted.has(id)) taken.push(id);
      else this.add(id, dueAt);
    }
    return taken;
  }

  #sink(id: string, dueAt: number): void {
    const size = this.#ids.length;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#due(child + 1) < this.#due(child)) child += 1;
      if (this.#due(child) >= dueAt) break;
      this.#move(child, at);
      at = child;
    }
    this.#ids[at] = id;
    this.#dueAt[at] = dueAt;
  }

  #due(at: number): number {
    return this.#dueAt[at] ?? Number.POSITIVE_INFINITY;
  }

  #move(from: number, to: number): void {
    this.#ids[to] = this.#ids[from] ?? "";
    this.#dueAt[to] = this.#due(from);
  }
}
