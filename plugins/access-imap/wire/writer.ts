/**
 * What goes to the client. Text is gathered until the session has nothing more to do, or a flush is worth it; one flush is
 * one write. Idle sessions hold no buffer. `flush` answers a promise only when the client does not keep up, and that
 * rejects when the client has left.
 */
import type { Connection } from "postern/plugin";
import { untilTaken } from "./slow-reader.ts";

const flushAtBytes = 65_536;
/** Octets from here on are not copied together with others. */
const largeBytes = 16_384;

export class Writer {
  readonly #connection: Connection;
  readonly #sendTimeoutMs: number;
  #text = "";
  #chunks: Uint8Array[] = [];
  #chunkBytes = 0;
  /** What was sent last, as long as the client has not taken it. */
  #notTaken: Promise<void> | null = null;

  constructor(connection: Connection, { sendTimeoutMs }: { readonly sendTimeoutMs: number }) {
    this.#connection = connection;
    this.#sendTimeoutMs = sendTimeoutMs;
  }

  /** One response line: an octet string without its CRLF. */
  line(text: string): void {
    this.#text += `${text}\r\n`;
  }

  text(text: string): void {
    this.#text += text;
  }

  octets(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (bytes.length < 512) {
      this.#text += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
      return;
    }
    this.#settleText();
    this.#chunks.push(bytes);
    this.#chunkBytes += bytes.length;
  }

  get isFull(): boolean {
    return this.#text.length + this.#chunkBytes >= flushAtBytes;
  }

  flush(): void | Promise<void> {
    this.#settleText();
    if (this.#chunkBytes === 0) return;
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#chunkBytes = 0;
    const sent: { wait: void | Promise<void> } = { wait: undefined };
    let small: Uint8Array[] = [];
    const send = (bytes: Uint8Array) => {
      sent.wait = this.#connection.write(bytes);
    };
    const sendSmall = () => {
      if (small.length > 0) send(small.length === 1 && small[0] ? small[0] : Buffer.concat(small));
      small = [];
    };
    for (const chunk of chunks) {
      if (chunk.length < largeBytes) small.push(chunk);
      else {
        sendSmall();
        send(chunk);
      }
    }
    sendSmall();
    if (!sent.wait) return;
    const taken = untilTaken(sent.wait, this.#connection, this.#sendTimeoutMs);
    this.#notTaken = taken;
    const done = () => {
      if (this.#notTaken === taken) this.#notTaken = null;
    };
    taken.then(done, () => undefined); // whoever waits hears of it; not everybody does
    return taken;
  }

  /**
   * To be awaited where a response may be large. What comes next is made while the client takes what was sent before: a promise only
   * where it has not taken even that.
   */
  flushIfFull(): void | Promise<void> {
    if (!this.isFull) return;
    if (this.#notTaken) return this.#notTaken.then(() => void this.flush());
    this.flush();
  }

  #settleText(): void {
    if (this.#text === "") return;
    const bytes = Buffer.from(this.#text, "latin1");
    this.#text = "";
    this.#chunks.push(bytes);
    this.#chunkBytes += bytes.length;
  }
}
