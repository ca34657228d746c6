/**
 * An IMAP client that takes little from the machine it shares with the server: literals are passed over, nothing is understood but tags and
 * what is asked for. One command at a time. Rejects with the first answer that is not OK.
 */
import { connect, type Socket } from "node:net";

export interface ImapLogin {
  readonly port: number;
  readonly login: string;
  readonly password: string;
}

interface Waiting {
  /** `null`: the greeting. */
  readonly tag: string | null;
  readonly literal: Buffer | null;
  /** Ends at the server's `+`. */
  readonly endsAtPlus: boolean;
  readonly resolve: () => void;
  readonly reject: (cause: Error) => void;
}

export class ImapClient {
  /** Untagged responses so far, literals and all that stands behind them on their lines left out. */
  untagged = 0;
  /** Called with each untagged response. */
  onUntagged: ((line: string) => void) | null = null;
  readonly #socket: Socket;
  #rest: Buffer | null = null;
  /** Octets of a literal that are still to come. */
  #skip = 0;
  /** The line that comes now goes on behind a literal. */
  #goesOn = false;
  #count = 0;
  #waiting: Waiting | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    const end = (cause: Error) => this.#waiting?.reject(cause);
    socket.on("error", end);
    socket.on("close", () => end(new Error("the server closed the connection")));
  }

  static async logIn({ port, login, password }: ImapLogin): Promise<ImapClient> {
    const client = new ImapClient(connect(port, "127.0.0.1"));
    await client.#answer({ tag: null });
    await client.say(`LOGIN ${login} ${password}`);
    return client;
  }

  say(command: string, literal: Buffer | null = null): Promise<void> {
    const tag = `a${++this.#count}`;
    this.#socket.write(`${tag} ${command}${literal ? ` {${literal.length}}` : ""}\r\n`);
    return this.#answer({ tag, literal });
  }

  /** Resolves when the server waits for DONE. */
  idle(): Promise<void> {
    const tag = `a${++this.#count}`;
    this.#socket.write(`${tag} IDLE\r\n`);
    return this.#answer({ tag, endsAtPlus: true });
  }

  async logOut(): Promise<void> {
    await this.say("LOGOUT");
    this.#socket.destroy();
  }

  close(): void {
    this.#socket.destroy();
  }

  #answer({
    tag,
    literal = null,
    endsAtPlus = false,
  }: {
    tag: string | null;
    literal?: Buffer | null;
    endsAtPlus?: boolean;
  }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting = { tag, literal, endsAtPlus, resolve, reject };
    });
  }

  #take(chunk: Buffer): void {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = null;
    let at = 0;
    for (;;) {
      const skipped = Math.min(this.#skip, bytes.length - at);
      this.#skip -= skipped;
      at += skipped;
      const lf = this.#skip > 0 ? -1 : bytes.indexOf(10, at);
      if (lf < 0) {
        if (at < bytes.length) this.#rest = bytes.subarray(at);
        return;
      }
      this.#line(bytes, at, lf - 1);
      at = lf + 1;
    }
  }

  #line(bytes: Buffer, start: number, end: number): void {
    const goesOn = this.#goesOn;
    this.#goesOn = false;
    if (bytes[end - 1] === 0x7d) {
      const size = /\{(\d+)\}$/.exec(bytes.toString("latin1", Math.max(start, end - 16), end))?.[1];
      if (size !== undefined) {
        this.#skip = Number(size);
        this.#goesOn = true;
      }
    }
    if (goesOn) return;
    const first = bytes[start];
    const waiting = this.#waiting;
    if (first === 0x2a) {
      this.untagged++;
      this.onUntagged?.(bytes.toString("latin1", start, Math.min(end, start + 200)));
      if (waiting?.tag === null) this.#end(waiting);
    } else if (first === 0x2b) {
      if (waiting?.literal) this.#socket.write(Buffer.concat([waiting.literal, Buffer.from("\r\n")]));
      else if (waiting?.endsAtPlus) this.#end(waiting);
    } else if (waiting) {
      const line = bytes.toString("latin1", start, end);
      if (!line.startsWith(`${waiting.tag} OK`)) waiting.reject(new Error(line));
      else this.#end(waiting);
    }
  }

  #end(waiting: Waiting): void {
    this.#waiting = null;
    waiting.resolve();
  }
}
