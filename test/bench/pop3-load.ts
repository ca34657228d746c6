/**
 * POP3 as programs fetch mail: each command waits for the answer to the one before. Rejects with the first answer that is not
 * what it should be.
 */
import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";

export interface Pop3Load {
  readonly port: number;
  readonly logins: readonly string[];
  readonly password: string;
  readonly connections: number;
}

/** Connect, USER, PASS, STAT, QUIT, until then (`performance.now()`). Answers how often. */
export async function logInAndOut(load: Pop3Load, untilMs: number): Promise<number> {
  let count = 0;
  await onAll(load, async (login) => {
    while (performance.now() < untilMs) {
      const client = await Pop3Client.logIn(load, login);
      await client.say("STAT");
      await client.quit();
      count++;
    }
  });
  return count;
}

/** RETR of each message of each account, over one connection an account, again until then. Answers how many. */
export async function retrieveAll(load: Pop3Load, untilMs = 0): Promise<number> {
  let messages = 0;
  await onAll(load, async (login) => {
    do {
      const client = await Pop3Client.logIn(load, login);
      const count = Number((await client.say("STAT")).split(" ")[1]);
      for (let number = 1; number <= count; number++) await client.retrieve(number);
      messages += count;
      await client.quit();
    } while (performance.now() < untilMs);
  });
  return messages;
}

async function onAll({ connections, logins }: Pop3Load, work: (login: string) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: connections }, (_, slot) => work(logins[slot % logins.length] ?? "")));
}

interface Waiting {
  readonly isMultiLine: boolean;
  readonly resolve: (line: string) => void;
  readonly reject: (cause: Error) => void;
}

const END = Buffer.from("\r\n.\r\n");

class Pop3Client {
  readonly #socket: Socket;
  /** Of the answer that is waited for: its first line, and its last octets. */
  #line: string | null = null;
  #head = "";
  #tail: Buffer = Buffer.alloc(0);
  #waiting: Waiting | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("error", (cause) => this.#waiting?.reject(cause));
    socket.on("close", () => this.#waiting?.reject(new Error("the server closed the connection")));
  }

  static async logIn({ port, password }: Pop3Load, login: string): Promise<Pop3Client> {
    const client = new Pop3Client(connect(port, "127.0.0.1"));
    await client.#answer(false);
    await client.say(`USER ${login}`);
    await client.say(`PASS ${password}`);
    return client;
  }

  say(command: string): Promise<string> {
    this.#socket.write(`${command}\r\n`);
    return this.#answer(false);
  }

  retrieve(number: number): Promise<string> {
    this.#socket.write(`RETR ${number}\r\n`);
    return this.#answer(true);
  }

  async quit(): Promise<void> {
    await this.say("QUIT");
    this.#socket.destroy();
  }

  #answer(isMultiLine: boolean): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting = { isMultiLine, resolve, reject };
    });
  }

  #take(chunk: Buffer): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    if (this.#line === null) {
      this.#head += chunk.toString("latin1", 0, 200);
      const end = this.#head.indexOf("\r\n");
      if (end < 0) return;
      this.#line = this.#head.slice(0, end);
    }
    const line = this.#line;
    if (!line.startsWith("+OK")) {
      this.#begin();
      waiting.reject(new Error(line));
      return;
    }
    if (waiting.isMultiLine) {
      this.#tail = chunk.length >= END.length ? chunk : Buffer.concat([this.#tail, chunk]);
      this.#tail = this.#tail.subarray(-END.length);
      if (!this.#tail.equals(END)) return;
    }
    this.#begin();
    waiting.resolve(line);
  }

  #begin(): void {
    this.#waiting = null;
    this.#line = null;
    this.#head = "";
    this.#tail = Buffer.alloc(0);
  }
}
