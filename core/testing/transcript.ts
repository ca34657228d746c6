/**
 * Transcripts: a protocol session as text, played against a real server over real sockets.
 *
 *   C: text    sent with CRLF            C2: S2:  a second connection (opened at its first line), and so on
 *   C-: text   sent as it is; \r \n \0 \\ stand for themselves escaped
 *   S: text    the next line must be this; `{name}` captures a word, later lines put it in; `...` stands for anything
 *   S*: text   lines are passed over until one fits
 *   T:         the connection shakes hands as a TLS client
 *   X:         the server closes the connection
 *   #          a comment
 *
 * Throws an Error that names file, line, what was expected and what came.
 */
import { existsSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { basename } from "node:path";
import { connect as connectTls } from "node:tls";

export interface TranscriptOptions {
  readonly port: number;
  readonly host?: string;
  /** Words that `{name}` stands for from the start. */
  readonly variables?: Readonly<Record<string, string>>;
  /** How long one expected line may take. Default: 10,000. */
  readonly timeoutMs?: number;
  /** TLS from the first byte. */
  readonly implicitTls?: boolean;
}

interface Step {
  readonly line: number;
  readonly who: string;
  readonly what: "send" | "sendRaw" | "expect" | "skipTo" | "tls" | "closed";
  readonly text: string;
}

const STEP = /^(?:(C-?|S\*?)(\d*):(?: (.*)|$)|([TX])(\d*):.*)$/;
const KINDS = { C: "send", "C-": "sendRaw", S: "expect", "S*": "skipTo", T: "tls", X: "closed" } as const;

/** Plays a transcript given as a path or as its text. Answers the variables captured. */
export async function runTranscript(fileOrText: string, options: TranscriptOptions): Promise<Record<string, string>> {
  const isFile = !fileOrText.includes("\n") && existsSync(fileOrText);
  const name = isFile ? basename(fileOrText) : "transcript";
  const steps = parseTranscript(isFile ? readFileSync(fileOrText, "utf8") : fileOrText, name);
  const variables: Record<string, string> = { ...options.variables };
  const clients = new Map<string, Client>();
  try {
    for (const step of steps) {
      const client = clients.get(step.who) ?? (await Client.open(options));
      clients.set(step.who, client);
      try {
        await play(step, client, variables);
      } catch (cause) {
        throw new Error(`${name}:${step.line}: ${(cause as Error).message}`, { cause });
      }
    }
  } finally {
    for (const client of clients.values()) client.destroy();
  }
  return variables;
}

function parseTranscript(text: string, name: string): Step[] {
  const steps: Step[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.replace(/\r$/, "").replace(/^\s+/, "");
    if (line === "" || line.startsWith("#")) continue;
    const match = STEP.exec(line);
    if (!match) throw new Error(`${name}:${index + 1}: not a step: ${line}`);
    const kind = (match[1] ?? match[4]) as keyof typeof KINDS;
    steps.push({ line: index + 1, who: match[2] ?? match[5] ?? "", what: KINDS[kind], text: match[3] ?? "" });
  }
  return steps;
}

async function play(step: Step, client: Client, variables: Record<string, string>): Promise<void> {
  const text = step.text.replace(/\{(\w+)\}/g, (whole, word: string) => variables[word] ?? whole);
  switch (step.what) {
    case "send":
      return client.send(`${text}\r\n`);
    case "sendRaw":
      return client.send(unescapeText(text));
    case "tls":
      return client.startTls();
    case "closed":
      return client.expectClose();
    case "expect": {
      const line = await client.line(text);
      if (!fits(text, line, variables))
        throw new Error(`expected ${JSON.stringify(text)}, got ${JSON.stringify(line)}`);
      return;
    }
    case "skipTo":
      while (!fits(text, await client.line(text), variables));
  }
}

function fits(expected: string, line: string, variables: Record<string, string>): boolean {
  const names: string[] = [];
  const pattern = expected.split(/(\.\.\.|\{\w+\})/).map((piece) => {
    if (piece === "...") return ".*";
    if (!/^\{\w+\}$/.test(piece)) return piece.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
    names.push(piece.slice(1, -1));
    return "([^\\s\\]\\)]+)";
  });
  const match = new RegExp(`^${pattern.join("")}$`, "s").exec(line);
  for (const [index, word] of names.entries()) if (match) variables[word] = match[index + 1] ?? "";
  return match !== null;
}

const ESCAPES: Record<string, string> = { r: "\r", n: "\n", t: "\t", "0": "\0", "\\": "\\" };
const unescapeText = (text: string): string => text.replace(/\\([rnt0\\])/g, (_, char: string) => ESCAPES[char] ?? "");

/** A line client: everything in latin1 or UTF-8 bytes as the server sent it, shown as UTF-8. */
class Client {
  #socket: Socket;
  #buffer = Buffer.alloc(0);
  #isClosed = false;
  #wake: () => void = () => {};
  readonly #timeoutMs: number;

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    this.#listen();
  }

  static async open(options: TranscriptOptions): Promise<Client> {
    const where = { host: options.host ?? "127.0.0.1", port: options.port };
    const socket = options.implicitTls ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where);
    await new Promise<void>((resolve, reject) => {
      socket.once(options.implicitTls ? "secureConnect" : "connect", resolve).once("error", reject);
    });
    return new Client(socket, options.timeoutMs ?? 60_000);
  }

  #listen(): void {
    this.#socket.on("data", (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      this.#wake();
    });
    const closed = () => {
      this.#isClosed = true;
      this.#wake();
    };
    this.#socket.on("close", closed).on("end", closed).on("error", closed);
  }

  send(text: string): void {
    this.#socket.write(Buffer.from(text, "utf8"));
  }

  async line(expected: string): Promise<string> {
    const end = () => this.#buffer.indexOf(0x0a);
    await this.#until(() => end() >= 0 || this.#isClosed, `waiting for ${JSON.stringify(expected)}`);
    if (end() < 0)
      throw new Error(
        `expected ${JSON.stringify(expected)}, but the server closed after ${JSON.stringify(String(this.#buffer))}`,
      );
    const line = this.#buffer.subarray(0, end()).toString("utf8").replace(/\r$/, "");
    this.#buffer = this.#buffer.subarray(end() + 1);
    return line;
  }

  async expectClose(): Promise<void> {
    await this.#until(() => this.#isClosed, "waiting for the server to close");
    if (this.#buffer.length > 0) throw new Error(`expected the end, got ${JSON.stringify(String(this.#buffer))}`);
  }

  async startTls(): Promise<void> {
    this.#socket.removeAllListeners();
    const secure = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    await new Promise<void>((resolve, reject) => secure.once("secureConnect", resolve).once("error", reject));
    this.#socket = secure;
    this.#listen();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #until(isDone: () => boolean, doing: string): Promise<void> {
    if (isDone()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`nothing came ${doing}; so far: ${JSON.stringify(String(this.#buffer))}`)),
        this.#timeoutMs,
      );
      this.#wake = () => {
        if (!isDone()) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
