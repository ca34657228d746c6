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
      !this.#lower.includes("\x1b") &&
      !this.#lower.includes("\0") &&
      this.#hasOnly("charset", /(?![\s\S]{0,60}(?:utf-?16|ucs-?2|10646|unicode))/y) &&
      this.#hasOnly("transfer-encoding", /[ \t]*:[ \t]*(?:7bit|8bit|binary)[ \t]*\r?\n/y);
    return this.#isOpen;
  }

  /** Whether `allowed` stands behind `mark` wherever that is. */
  #hasOnly(mark: string, allowed: RegExp): boolean {
    for (let at = this.#lower.indexOf(mark); at !== -1; at = this.#lower.indexOf(mark, at)) {
      at += mark.length;
      allowed.lastIndex = at;
      if (!allowed.test(this.#lower)) return false;
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
