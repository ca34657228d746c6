/**
 * What comes on the control socket, in order: lines of a bounded length, and runs of octets as long as a line has said. Throws a RangeError
 * for a longer one, and what the socket fails with.
 */

export class OctetReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Without its end; `null`: nothing more comes. */
  async line(limitOctets: number): Promise<string | null> {
    const before: Buffer[] = [];
    for (let octets = 0; ; ) {
      const end = this.#rest.indexOf(10);
      octets += end === -1 ? this.#rest.length : end;
      if (octets > limitOctets) throw new RangeError("a line of the control socket is too long");
      if (end !== -1) {
        const line = Buffer.concat([...before, this.#rest.subarray(0, end)]).toString("utf8");
        this.#rest = this.#rest.subarray(end + 1);
        return line;
      }
      before.push(this.#rest);
      if (!(await this.#more())) return null;
    }
  }

  /** All of them, or `null` where there are fewer. */
  async take(octets: number): Promise<Buffer | null> {
    const taken: Buffer[] = [];
    for (let lacking = octets; ; ) {
      const some = this.#rest.subarray(0, lacking);
      taken.push(some);
      lacking -= some.length;
      this.#rest = this.#rest.subarray(some.length);
      if (lacking === 0) return Buffer.concat(taken, octets);
      if (!(await this.#more())) return null;
    }
  }

  /** Nothing more is read. */
  async end(): Promise<void> {
    await this.#chunks.return?.();
  }

  /** What was read before has been taken. */
  async #more(): Promise<boolean> {
    const { value, done } = await this.#chunks.next();
    this.#rest = done ? Buffer.alloc(0) : value;
    return done !== true;
  }
}
