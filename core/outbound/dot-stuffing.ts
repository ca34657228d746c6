/**
 * Content as DATA wants it (RFC 5321 4.5.2): a dot more where a line begins with one, CRLF at the end of each line and of the whole. Works on
 * octets, chunk by chunk, and copies nothing where there is nothing to change.
 */

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const ONE_DOT = Buffer.from(".");
const CRLF = Buffer.from("\r\n");

export class DotStuffing {
  /** The last octet so far; a message begins at the beginning of a line. */
  #last = LF;

  /** The chunk as it goes over the wire, in pieces. */
  stuff(chunk: Uint8Array): readonly Uint8Array[] {
    if (chunk.length === 0) return [];
    const pieces: Uint8Array[] = [];
    let done = 0;
    if (chunk[0] === DOT && this.#last === LF) pieces.push(ONE_DOT);
    for (let lf = chunk.indexOf(LF); lf >= 0; lf = chunk.indexOf(LF, lf + 1)) {
      // RFC 5321 2.3.8: LF goes out behind CR and nowhere else
      if ((lf === 0 ? this.#last : chunk[lf - 1]) !== CR) {
        if (lf > done) pieces.push(chunk.subarray(done, lf));
        pieces.push(CRLF);
        done = lf + 1;
      }
      if (chunk[lf + 1] === DOT) {
        if (lf + 1 > done) pieces.push(chunk.subarray(done, lf + 1));
        pieces.push(ONE_DOT);
        done = lf + 1;
      }
    }
    if (done < chunk.length) pieces.push(done === 0 ? chunk : chunk.subarray(done));
    this.#last = chunk[chunk.length - 1] ?? 0;
    return pieces;
  }

  /** What ends the content: the final dot, on a line of its own. */
  end(): string {
    // A lone LF was sent as CRLF.
    if (this.#last === LF) return ".\r\n";
    return this.#last === CR ? "\n.\r\n" : "\r\n.\r\n";
  }
}
