/** A set of UIDs in pages of bits: small where they lie close together, which they do. */

const pageBits = 12;
const pageMask = (1 << pageBits) - 1;

export class UidSet {
  readonly #pages = new Map<number, Uint8Array>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(uid: number): boolean {
    const page = this.#pages.get(Math.floor(uid / (pageMask + 1)));
    const at = uid & pageMask;
    return page !== undefined && ((page[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;
  }

  add(uid: number): void {
    const number = Math.floor(uid / (pageMask + 1));
    let page = this.#pages.get(number);
    if (!page) {
      page = new Uint8Array((pageMask + 1) >> 3);
      this.#pages.set(number, page);
    }
    const at = uid & pageMask;
    const octet = page[at >> 3] ?? 0;
    if ((octet & (1 << (at & 7))) !== 0) return;
    page[at >> 3] = octet | (1 << (at & 7));
    this.#size++;
  }
}
