/** Makes CRLF of every bare CR and bare LF, piece by piece (RFC 5321 2.3.8: neither stands alone). Never throws. */

import { CR, LF } from "./octets.ts";

const LF_ALONE: Buffer = Buffer.from("\n");

export class LineEnds {
  #isAfterCr = false;

  /** The piece itself where it is right already. */
  normalise(piece: Buffer): Buffer {
    if (piece.length === 0) return piece;
    const extra = this.#missing(piece);
    if (extra === 0) {
      this.#isAfterCr = piece[piece.length - 1] === CR;
      return piece;
    }
    const out = Buffer.allocUnsafe(piece.length + extra);
    let to = 0;
    let isAfterCr = this.#isAfterCr;
    for (const octet of piece) {
      if (isAfterCr && octet !== LF) out[to++] = LF;
      if (!isAfterCr && octet === LF) out[to++] = CR;
      out[to++] = octet;
      isAfterCr = octet === CR;
    }
    this.#isAfterCr = isAfterCr;
    return out;
  }

  /** What is still missing when nothing more comes: the LF of a CR at the very end. */
  end(): Buffer | null {
    const isOpen = this.#isAfterCr;
    this.#isAfterCr = false;
    return isOpen ? LF_ALONE : null;
  }

  /** Octets to be put in. The last one's partner may still come. */
  #missing(piece: Buffer): number {
    let missing = 0;
    let isAfterCr = this.#isAfterCr;
    for (let at = 0; at < piece.length; at++) {
      const octet = piece[at] as number;
      if (octet > CR && !isAfterCr) continue;
      if (isAfterCr !== (octet === LF)) missing++;
      isAfterCr = octet === CR;
    }
    return missing;
  }
}
