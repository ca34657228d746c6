/**
 * Parts a message into header block and body while it comes in: the block ends with the first empty line and is held in
 * memory. A block over the limit ends at its last whole line below it; a message without an empty line is all header.
 */
const emptyLine = Buffer.from("\r\n\r\n");
const lineEnd = Buffer.from("\r\n");

export class HeaderFinder {
  readonly #limitBytes: number;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #header: Uint8Array | null = null;
  /** The last bytes seen. A message may begin with the empty line. */
  #tail: Buffer = lineEnd;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** The whole block, once it is known. */
  get header(): Uint8Array | null {
    return this.#header;
  }

  /** Takes the next bytes and answers what of all so far is body and has not been answered before. */
  push(piece: Uint8Array): readonly Uint8Array[] {
    if (this.#header) return [piece];
    const end = this.#endIn(piece);
    this.#held.push(piece);
    this.#heldBytes += piece.length;
    const headerBytes = this.#heldBytes - piece.length + (end ?? 0);
    if (end !== null && headerBytes <= this.#limitBytes) return this.#cut(headerBytes);
    if (this.#heldBytes > this.#limitBytes) return this.#cut(this.#lastLine());
    return [];
  }

  /** The message has ended. */
  end(): Uint8Array {
    if (!this.#header) this.#cut(this.#heldBytes);
    return this.#header ?? new Uint8Array();
  }

  /** Offset behind the empty line in this piece. */
  #endIn(piece: Uint8Array): number | null {
    const seam = Buffer.concat([this.#tail, piece.subarray(0, 3)]);
    const inSeam = seam.indexOf(emptyLine);
    if (inSeam !== -1) return inSeam + emptyLine.length - this.#tail.length;
    const view = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    const at = view.indexOf(emptyLine);
    if (at !== -1) return at + emptyLine.length;
    this.#tail = piece.length >= 3 ? view.subarray(-3) : seam.subarray(-3);
    return null;
  }

  #cut(headerBytes: number): readonly Uint8Array[] {
    const header: Uint8Array[] = [];
    const body: Uint8Array[] = [];
    let left = headerBytes;
    for (const piece of this.#held) {
      const count = Math.min(left, piece.length);
      if (count > 0) header.push(count === piece.length ? piece : piece.subarray(0, count));
      if (count < piece.length) body.push(count === 0 ? piece : piece.subarray(count));
      left -= count;
    }
    const [only] = header;
    this.#header = header.length === 1 && only ? only : Buffer.concat(header);
    this.#held = [];
    return body;
  }

  /** Behind the last line that ends below the limit; no line at all: everything is body. */
  #lastLine(): number {
    const start = Buffer.concat(this.#held).subarray(0, this.#limitBytes);
    const at = start.lastIndexOf(lineEnd);
    return at === -1 ? 0 : at + lineEnd.length;
  }
}
