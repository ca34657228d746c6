/**
 * What of a text the index keeps: which runs of three characters are in it, each as a place in a row of bits. A needle whose runs are not
 * all there is not in the text; the other way round nothing is sure, as several runs share a place.
 */
import type { TextReader } from "postern/mail";

/** Places of the widest signature: 17 bits. A narrower one takes the low bits. */
const widestBits = 131_072;

/** Of a run of three UTF-16 units. */
function placeOf(a: number, b: number, c: number): number {
  let hash = Math.imul(a, 0x9e3779b1) + Math.imul(b, 0x85ebca6b) + Math.imul(c, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 15;
}

/** Places of a needle, each once; empty for one too short to be ruled out. */
export function placesOf(needle: string): readonly number[] {
  const places = new Set<number>();
  for (let at = 0; at + 2 < needle.length; at++)
    places.add(placeOf(needle.charCodeAt(at), needle.charCodeAt(at + 1), needle.charCodeAt(at + 2)));
  return [...places];
}

/** Reads the text of one message after the other. */
export class Signature implements TextReader {
  readonly #bits = new Uint8Array(widestBits / 8);
  /** The same, four octets at a time. */
  readonly #words = new Uint32Array(this.#bits.buffer);
  #count = 0;

  /** Nothing is ever enough. */
  readonly isDone = false;

  /** How many places are taken. */
  get count(): number {
    return this.#count;
  }

  look(folded: string): string {
    const bits = this.#bits;
    let count = this.#count;
    let a = folded.charCodeAt(0);
    let b = folded.charCodeAt(1);
    for (let at = 2; at < folded.length; at++) {
      const c = folded.charCodeAt(at);
      const place = placeOf(a, b, c);
      const mask = 1 << (place & 7);
      const octet = bits[place >> 3] ?? 0;
      if ((octet & mask) === 0) {
        bits[place >> 3] = octet | mask;
        count++;
      }
      a = b;
      b = c;
    }
    this.#count = count;
    return folded.slice(-2);
  }

  /** The signature with this many places, which must be a power of 2. */
  narrowedTo(places: number): Buffer {
    const narrow = new Uint32Array(places / 32);
    for (let from = 0; from < this.#words.length; from += narrow.length)
      for (let at = 0; at < narrow.length; at++)
        narrow[at] = (narrow[at] as number) | (this.#words[from + at] as number);
    return Buffer.from(narrow.buffer);
  }

  clear(): void {
    this.#bits.fill(0);
    this.#count = 0;
  }
}
