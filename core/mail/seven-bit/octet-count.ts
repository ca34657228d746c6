/** What stands in a run of octets that bears on how it can be sent. Piece by piece, in constant memory. */

const CR = 13;
const LF = 10;
const TAB = 9;
const SPACE = 32;
const TILDE = 126;
const FIRST_NON_ASCII = 128;
const EQUALS = 61;
// RFC 5321 4.5.3.1.6: 1000 octets with the line end
const LINE_LIMIT = 998;

export class OctetCount {
  octets = 0;
  /** Beyond ASCII, or NUL: RFC 2045 2.7 has neither in 7bit data. */
  foreign = 0;
  /** Those that quoted-printable writes as three. */
  quoted = 0;
  longestLine = 0;
  #line = 0;
  #last = -1;

  write(piece: Uint8Array): void {
    this.octets += piece.length;
    for (let at = 0; at < piece.length; at += 1) {
      const octet = piece[at] ?? 0;
      if (octet >= FIRST_NON_ASCII || octet === 0) this.foreign += 1;
      if ((octet < SPACE || octet > TILDE || octet === EQUALS) && octet !== CR && octet !== LF && octet !== TAB)
        this.quoted += 1;
      if (octet === LF) {
        this.longestLine = Math.max(this.longestLine, this.#line - (this.#last === CR ? 1 : 0));
        this.#line = 0;
      } else this.#line += 1;
      this.#last = octet;
    }
  }

  end(): this {
    this.longestLine = Math.max(this.longestLine, this.#line);
    return this;
  }

  get hasForeign(): boolean {
    return this.foreign > 0;
  }

  get hasLongLines(): boolean {
    return this.longestLine > LINE_LIMIT;
  }

  get needsEncoding(): boolean {
    return this.hasForeign || this.hasLongLines;
  }
}
