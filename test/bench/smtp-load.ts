/**
 * Sends the same message over and over on several connections, one transaction after the other, through Postfix's smtp-source
 * (in C: it takes little from the machine that it shares with the server) or, where that is not installed, a client of our own.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface Load {
  readonly port: number;
  readonly recipient: string;
  readonly sizeBytes: number;
  readonly messages: number;
  readonly connections: number;
  /** Each message over a connection of its own; as many at a time as `connections`. */
  readonly isOneEach?: boolean;
  /** LMTP instead of SMTP. */
  readonly isLmtp?: boolean;
}

const hasSmtpSource = spawnSync("sh", ["-c", "command -v smtp-source"]).status === 0;

/** Resolves when every message has its 250; rejects with the first reply that is none. */
export const sendAll = (load: Load): Promise<void> => (hasSmtpSource ? sendBySmtpSource(load) : sendOurselves(load));

async function sendBySmtpSource({
  port,
  recipient,
  sizeBytes,
  messages,
  connections,
  isOneEach,
  isLmtp,
}: Load): Promise<void> {
  const options = { s: connections, m: messages, l: sizeBytes, f: "load@example.net", t: recipient };
  const words = Object.entries(options).flatMap(([letter, value]) => [`-${letter}`, String(value)]);
  const child = spawn(
    "smtp-source",
    [...(isOneEach ? [] : ["-d"]), ...(isLmtp ? ["-L"] : []), "-4", ...words, `127.0.0.1:${port}`],
    {
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
  const [exitCode] = await once(child, "close");
  if (exitCode !== 0) throw new Error(`smtp-source ended with ${String(exitCode)}`);
}

export async function sendOurselves({
  port,
  recipient,
  sizeBytes,
  messages,
  connections,
  isOneEach,
  isLmtp = false,
}: Load): Promise<void> {
  let left = messages;
  const hello = isLmtp ? "LHLO" : "EHLO";
  const what = { port, recipient, hello, content: contentOf(sizeBytes) };
  const work = async () => {
    if (!isOneEach) return sendOn(what, () => left-- > 0);
    while (left-- > 0) {
      let due = 1;
      await sendOn(what, () => due-- > 0);
    }
  };
  await Promise.all(Array.from({ length: connections }, work));
}

interface Sending {
  readonly port: number;
  readonly recipient: string;
  readonly hello: string;
  readonly content: Buffer;
}

async function sendOn({ port, recipient, hello, content }: Sending, take: () => boolean): Promise<void> {
  const client = await Client.open(port);
  await client.expect(220);
  await client.say(`${hello} load.example\r\n`, 250);
  while (take()) {
    await client.say("MAIL FROM:<load@example.net>\r\n", 250);
    await client.say(`RCPT TO:<${recipient}>\r\n`, 250);
    await client.say("DATA\r\n", 354);
    await client.say(content, 250);
  }
  await client.say("QUIT\r\n", 221);
  client.close();
}

function contentOf(sizeBytes: number): Buffer {
  const header =
    "From: load@example.net\r\nTo: user@example.org\r\nSubject: load\r\nMessage-ID: <load@example.net>\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\n\r\n";
  const line = `${"x".repeat(76)}\r\n`;
  const body = line.repeat(Math.max(1, Math.round((sizeBytes - header.length) / line.length)));
  return Buffer.from(`${header}${body}.\r\n`);
}

class Client {
  readonly #socket: Socket;
  #text = "";
  #waiting: { code: number; resolve: () => void; reject: (cause: Error) => void } | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true).setEncoding("latin1");
    socket.on("data", (text) => {
      this.#text += text;
      this.#answer();
    });
    socket.on("error", (cause) => this.#waiting?.reject(cause));
    socket.on("close", () => this.#waiting?.reject(new Error("the server closed the connection")));
  }

  static open(port: number): Promise<Client> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => resolve(new Client(socket)));
      socket.once("error", reject);
    });
  }

  say(data: string | Buffer, code: number): Promise<void> {
    this.#socket.write(data);
    return this.expect(code);
  }

  expect(code: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting = { code, resolve, reject };
      this.#answer();
    });
  }

  close(): void {
    this.#waiting = null;
    this.#socket.destroy();
  }

  #answer(): void {
    const last = /(?:^|\n)(\d{3})(?: [^\n]*)?\r?\n$/.exec(this.#text);
    if (!last || !this.#waiting) return;
    const { code, resolve, reject } = this.#waiting;
    const text = this.#text;
    this.#text = "";
    this.#waiting = null;
    if (Number(last[1]) === code) resolve();
    else reject(new Error(`expected ${code}, got ${text.trim()}`));
  }
}
