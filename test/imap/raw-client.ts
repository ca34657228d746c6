/** An IMAP client that knows nothing but lines and literals: tests see exactly what the server sent, and it is held against the grammar. */
import { connect, type Socket } from "node:net";
import { checkResponse } from "./response-grammar.ts";

export class RawClient {
  readonly socket: Socket;
  #buffer: Buffer = Buffer.alloc(0);
  #isClosed = false;
  #wake: () => void = () => {};
  #tag = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (piece: Buffer) => {
      this.#buffer = this.#buffer.length === 0 ? piece : Buffer.concat([this.#buffer, piece]);
      this.#wake();
    });
    const closed = () => {
      this.#isClosed = true;
      this.#wake();
    };
    socket.on("close", closed).on("error", closed);
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    const client = new RawClient(socket);
    await client.response();
    return client;
  }

  static async login(port: number, user = "ann"): Promise<RawClient> {
    const client = await RawClient.open(port);
    await client.ok(`LOGIN ${user} secret`);
    return client;
  }

  write(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  /** One response with its literals, as an octet string without the last CRLF; `null` at the end. */
  async response(): Promise<string | null> {
    let text = "";
    for (;;) {
      const line = await this.#take(() => {
        const end = this.#buffer.indexOf("\r\n");
        return end === -1 ? null : end + 2;
      });
      if (line === null) return null;
      text += line;
      const literal = /\{(\d+)\}\r\n$/.exec(line);
      if (!literal) {
        checkResponse(text.slice(0, -2));
        return text.slice(0, -2);
      }
      const size = Number(literal[1]);
      const octets = await this.#take(() => (this.#buffer.length >= size ? size : null));
      if (octets === null) return null;
      text += octets;
    }
  }

  /** Sends a command (with a literal at its end, if one is given); answers what came up to its tagged response. */
  async command(text: string, literal?: Uint8Array): Promise<string[]> {
    const tag = `t${++this.#tag}`;
    if (literal) {
      this.write(`${tag} ${text} {${literal.length}+}\r\n`);
      this.write(literal);
      this.write("\r\n");
    } else this.write(`${tag} ${text}\r\n`);
    return this.until(tag);
  }

  async until(tag: string): Promise<string[]> {
    const responses: string[] = [];
    for (;;) {
      const response = await this.response();
      if (response === null) throw new Error(`the server closed after ${JSON.stringify(responses.slice(-5))}`);
      responses.push(response.startsWith(`${tag} `) ? response.slice(tag.length + 1) : response);
      if (response.startsWith(`${tag} `)) return responses;
    }
  }

  /** The same; rejects if the answer is not OK. */
  async ok(text: string, literal?: Uint8Array): Promise<string[]> {
    const responses = await this.command(text, literal);
    if (!responses.at(-1)?.startsWith("OK")) throw new Error(`${text.slice(0, 80)}: ${responses.at(-1)}`);
    return responses.slice(0, -1);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  async closed(): Promise<void> {
    while (!this.#isClosed) await this.#more();
  }

  destroy(): void {
    this.socket.destroy();
  }

  async #take(ready: () => number | null): Promise<string | null> {
    for (;;) {
      const size = ready();
      if (size !== null) {
        const text = this.#buffer.toString("latin1", 0, size);
        this.#buffer = this.#buffer.subarray(size);
        return text;
      }
      if (this.#isClosed) return null;
      await this.#more();
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`nothing came; so far ${this.#buffer.toString("latin1")}`)),
        15_000,
      );
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
