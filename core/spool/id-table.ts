/**
 * Numbers by id, a million of them in 32 MiB: two flat arrays instead of a million objects. An id is known by 64 bits of hash; two
 * messages of one spool are taken for each other once in many millions of years of mail. Ids are made by the server, never by a client.
 */

const firstSlots = 1024;

export class IdTable {
  #hashes = new Uint32Array(firstSlots * 2);
  #values = new Float64Array(firstSlots);
  #size = 0;
  /** Of the id that was looked for last. */
  #low = 0;
  #high = 0;

  get size(): number {
    return this.#size;
  }

  get(id: string): number | null {
    const at = this.#find(id);
    return this.#isFree(at) ? null : (this.#values[at] ?? null);
  }

  set(id: string, value: number): void {
    const at = this.#find(id);
    const isNew = this.#isFree(at);
    this.#put(at, this.#low, this.#high, value);
    if (!isNew) return;
    this.#size += 1;
    if (this.#size * 2 > this.#values.length) this.#resize(this.#values.length * 2);
  }

  delete(id: string): void {
    let hole = this.#find(id);
    if (this.#isFree(hole)) return;
    this.#size -= 1;
    const mask = this.#values.length - 1;
    // What stands behind it only because the slot was taken moves up.
    for (let at = (hole + 1) & mask; !this.#isFree(at); at = (at + 1) & mask) {
      const home = this.#home(this.#hashes[at * 2] ?? 0, this.#hashes[at * 2 + 1] ?? 0);
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      this.#put(hole, this.#hashes[at * 2] ?? 0, this.#hashes[at * 2 + 1] ?? 0, this.#values[at] ?? 0);
      hole = at;
    }
    this.#put(hole, 0, 0, 0);
    if (this.#values.length > firstSlots && this.#size * 8 < this.#values.length) this.#resize(this.#values.length / 2);
  }

  /** Its slot, or the one where it belongs. */
  #find(id: string): number {
    let low = 0x811c9dc5;
    let high = 0x9747b28c;
    for (let index = 0; index < id.length; index += 1) {
      const code = id.charCodeAt(index);
      low = Math.imul(low ^ code, 0x01000193);
      high = Math.imul(high ^ code, 0x5bd1e995);
      high ^= high >>> 15;
    }
    this.#low = low >>> 0;
    // Zero twice is what a free slot has.
    this.#high = (Math.imul(high ^ (high >>> 13), 0x85ebca6b) | 1) >>> 0;
    const mask = this.#values.length - 1;
    let at = this.#home(this.#low, this.#high);
    while (!this.#isFree(at) && !(this.#hashes[at * 2] === this.#low && this.#hashes[at * 2 + 1] === this.#high)) {
      at = (at + 1) & mask;
    }
    return at;
  }

  #home(low: number, high: number): number {
    return (Math.imul(low ^ (high >>> 7), 0x9e3779b1) >>> 8) & (this.#values.length - 1);
  }

  #isFree(at: number): boolean {
    return this.#hashes[at * 2] === 0 && this.#hashes[at * 2 + 1] === 0;
  }

  #put(at: number, low: number, high: number, value: number): void {
    this.#hashes[at * 2] = low;
    this.#hashes[at * 2 + 1] = high;
    this.#values[at] = value;
  }

  #resize(slots: number): void {
    const hashes = this.#hashes;
    const values = this.#values;
    this.#hashes = new Uint32Array(slots * 2);
    this.#values = new Float64Array(slots);
    for (let from = 0; from < values.length; from += 1) {
      const low = hashes[from * 2] ?? 0;
      const high = hashes[from * 2 + 1] ?? 0;
      if (low === 0 && high === 0) continue;
      let at = this.#home(low, high);
      while (!this.#isFree(at)) at = (at + 1) & (slots - 1);
      this.#put(at, low, high, values[from] ?? 0);
    }
  }
}
