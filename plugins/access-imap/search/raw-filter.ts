/**
 * Says of most messages without decoding anything that a needle is not in them: an ASCII needle is not in the text of a message that is
 * ASCII throughout, hides nothing in encodings, and does not have it anywhere. Where it cannot tell it says so.
 */
import { isAscii } from "node:buffer";

export class RawFilter {
  readonly #octets: Buffer;
  readonly #lower: string;
  #isOpen: boolean | null = null;

  constructor(octets: Buffer) {
    this.#octets = octets;
    this.#lower = octets.toString("latin1").toLowerCase();
  }

  /** `probe` as `probeOf` made it. */
  rulesOut(probe: string): boolean {
    return !this.#lower.includes(probe) && this.#showsItsText();
  }

  /** What the octets say is what the text says. */
  #showsItsText(): boolean {
    this.#isOpen ??=
      isAscii(this.#octets) &&
      // Encoded words, ISO-2022, UTF-16.
      !this.#lower.includes("=?") &&
      !/[\0\x1b]|utf-16|ucs-2|unicode/.test(this.#lower) &&
      this.#hasNoTransferEncoding();
    return this.#isOpen;
  }

  #hasNoTransferEncoding(): boolean {
    const mark = "transfer-encoding";
    const identity = /[ \t]*:[ \t]*(?:7bit|8bit|binary)[ \t]*\r?\n/y;
    for (let at = this.#lower.indexOf(mark); at !== -1; at = this.#lower.indexOf(mark, at)) {
      at += mark.length;
      identity.lastIndex = at;
      if (!identity.test(this.#lower)) return false;
    }
    return true;
  }
}

/**
 * The longest part of a folded needle that no decoding can tear apart: header fields are unfolded, and blanks around their colons
 * change. `null`: there is none.
 */
export function probeOf(needle: string): string | null {
  if (!/^[\0-\x7f]+$/.test(needle)) return null;
  let longest = "";
  for (const piece of needle.split(/[\s:]+/)) if (piece.length > longest.length) longest = piece;
  return longest === "" ? null : longest;
}
