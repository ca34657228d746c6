/**
 * POP3 as programs fetch mail: each command waits for the answer to the one before. Rejects with the first answer that is not
 * what it should be.
 */
import { connect, type Socket } from "node:net";

export interface Pop3Load {
  readonly port: number;
  readonly logins: readonly string[];
  readonly password: string;
  readonly connections: number;
}

/** Connect, USER, PASS, STAT, QUIT, so many times. */
export async function logInAndOut(load: Pop3Load, times: number): Promise<void> {
  let left = times;
  await onAll(load, async (login) => {
    while (left-- > 0) {
      const client = await Pop3Client.logIn(load, login);
      await client.say("STAT");
      await client.quit();
    }
  });
}

/** RETR of each message of each account, over one connection an account. Answers how many messages, and their octets on the wire. */
export async function retrieveAll(load: Pop3Load): Promise<{ readonly messages: number; readonly octets: number }> {
  let messages = 0;
  let octets = 0;
  await onAll(load, async (login) => {
    const client = await Pop3Client.logIn(load, login);
    const count = Number((await client.say("STAT")).split(" ")[1]);
    for (let number = 1; number <= count; number++) octets += await client.retrieve(number);
    messages += count;
    await client.quit();
  });
  return { messages, octets };
}

async function onAll({ connections, logins }: Pop3Load, work: (login: string) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: connections }, (_, slot) => work(logins[slot % logins.length] ?? "")));
}

interface Waiting {
  readonly isMultiLine: boolean;
  readonly resolve: (answer: { readonly line: string; readonly octets: number }) => void;
  readonly reject: (cause: Error) => void;
}

const END = Buffer.from("\r\n.\r\n");

class Pop3Client {
  readonly #socket: Socket;
  /** Of the answer that is waited for: its first line, how much came, and its last octets. */
  #line: string | null = null;
  #head = "";
  #octets = 0;
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

  async say(command: string): Promise<string> {
    this.#socket.write(`${command}\r\n`);
    return (await this.#answer(false)).line;
  }

  async retrieve(number: number): Promise<number> {
    this.#socket.write(`RETR ${number}\r\n`);
    return (await this.#answer(true)).octets;
  }

  async quit(): Promise<void> {
    await this.say("QUIT");
    this.#socket.destroy();
  }

  #answer(isMultiLine: boolean): Promise<{ readonly line: string; readonly octets: number }> {
    return new Promise((resolve, reject) => {
      this.#waiting = { isMultiLine, resolve, reject };
    });
  }

  #take(chunk: Buffer): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    this.#octets += chunk.length;
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
    const octets = this.#octets;
    this.#begin();
    waiting.resolve({ line, octets });
  }

  #begin(): void {
    this.#waiting = null;
    this.#line = null;
    this.#head = "";
    this.#octets = 0;
    this.#tail = Buffer.alloc(0);
  }
}
