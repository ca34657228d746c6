/** A client that sends octets and keeps what comes, for what transcripts cannot say. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

export class RawClient {
  socket: Socket;
  /** All that came, latin1. */
  received = "";
  /** What came with each read. */
  readonly chunks: string[] = [];
  #from = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.#listen();
  }

  #listen(): void {
    this.socket.on("error", () => undefined);
    this.socket.on("data", (chunk: Buffer) => {
      this.received += chunk.toString("latin1");
      this.chunks.push(chunk.toString("latin1"));
    });
  }

  /** `from`: any address in 127.0.0.0/8, for a server that asks who comes. */
  static async open(port: number, from = "127.0.0.1"): Promise<RawClient> {
    const client = new RawClient(
      connect({ port, host: "127.0.0.1", localAddress: from, noDelay: true, allowHalfOpen: true }),
    );
    await once(client.socket, "connect");
    return client;
  }

  send(octets: string | Uint8Array): void {
    this.socket.write(typeof octets === "string" ? Buffer.from(octets, "latin1") : octets);
  }

  /** Resolves when this has come behind what was waited for before. Answers all from there to its end. */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.received.slice(this.#from));
      if (match) {
        const end = this.#from + match.index + match[0].length;
        const seen = this.received.slice(this.#from, end);
        this.#from = end;
        return seen;
      }
      if (this.socket.destroyed || this.socket.readableEnded) {
        throw new Error(`the server closed; ${pattern} did not come in ${JSON.stringify(this.received)}`);
      }
      const seen = new AbortController();
      const { signal } = seen;
      await Promise.race(["data", "end", "close"].map((event) => once(this.socket, event, { signal })));
      seen.abort(); // nobody listens for the others any more
    }
  }

  /** Sends a line and answers the (last line of the) reply. */
  async say(line: string): Promise<string> {
    this.send(`${line}\r\n`);
    return (await this.until(/^\d{3}(?: .*)?\r\n/m)).trimEnd().split("\r\n").at(-1) ?? "";
  }

  /** Shakes hands over what has been clear text so far. */
  async startTls(own: { readonly cert?: string | Buffer; readonly key?: string | Buffer } = {}): Promise<void> {
    this.socket.removeAllListeners();
    this.socket = connectTls({ socket: this.socket, rejectUnauthorized: false, ...own });
    await once(this.socket, "secureConnect");
    this.#listen();
  }

  /** Resolves with all that came when the server has ended its side. */
  async closed(): Promise<string> {
    if (!this.socket.readableEnded && !this.socket.destroyed) {
      await Promise.race([once(this.socket, "end"), once(this.socket, "close")]);
    }
    this.socket.destroy();
    return this.received;
  }
}
