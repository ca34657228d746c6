/** A client that speaks SASL in SMTP, IMAP and POP3 (RFC 4954, RFC 3501 and 4959, RFC 5034), and knows its side of the TLS channel. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { LoginServer } from "./login-server.ts";

export type Protocol = "submission" | "imap" | "pop3";

interface Dialect {
  readonly greeting: RegExp;
  readonly startTls: string;
  readonly capabilities: string;
  /** The end of an answer that is no challenge. */
  readonly end: RegExp;
  readonly challenge: RegExp;
  auth(mechanism: string, initial: string | null): string;
  mechanisms(text: string): string[];
}

const dialects: Readonly<Record<Protocol, Dialect>> = {
  submission: {
    greeting: /^220 .*\r\n/m,
    startTls: "STARTTLS",
    capabilities: "EHLO client.example.net",
    end: /^\d{3} .*\r\n/m,
    challenge: /^334 (.*)\r\n/m,
    auth: (mechanism, initial) => `AUTH ${mechanism}${initial === null ? "" : ` ${initial}`}`,
    mechanisms: (text) => /^250.AUTH (.*)\r\n/m.exec(text)?.[1]?.split(" ") ?? [],
  },
  imap: {
    greeting: /^\* OK .*\r\n/m,
    startTls: "a STARTTLS",
    capabilities: "a CAPABILITY",
    end: /^a (?:OK|NO|BAD).*\r\n/m,
    challenge: /^\+ (.*)\r\n/m,
    auth: (mechanism, initial) => `a AUTHENTICATE ${mechanism}${initial === null ? "" : ` ${initial}`}`,
    mechanisms: (text) => [...text.matchAll(/AUTH=(\S+)/g)].map(([, name = ""]) => name),
  },
  pop3: {
    greeting: /^\+OK .*\r\n/m,
    startTls: "STLS",
    capabilities: "CAPA",
    end: /^(?:-ERR.*|\+OK.*)\r\n(?:(?:.*\r\n)*\.\r\n)?/m,
    challenge: /^\+ (.*)\r\n/m,
    auth: (mechanism, initial) => `AUTH ${mechanism}${initial === null ? "" : ` ${initial}`}`,
    mechanisms: (text) => /^SASL (.*)\r\n/m.exec(text)?.[1]?.split(" ") ?? [],
  },
};

export type Answer = { readonly challenge: Buffer } | { readonly end: string };

export class SaslClient {
  readonly #dialect: Dialect;
  readonly #protocol: Protocol;
  #socket: Socket;
  #text = "";
  #wake: () => void = () => undefined;

  private constructor(protocol: Protocol, socket: Socket) {
    this.#protocol = protocol;
    this.#dialect = dialects[protocol];
    this.#socket = socket;
    this.#listen();
  }

  static async open(server: LoginServer, protocol: Protocol): Promise<SaslClient> {
    const client = new SaslClient(protocol, connect(server.port(protocol), "127.0.0.1"));
    await client.#until(client.#dialect.greeting);
    return client;
  }

  /** `certificate`: the client shows the one of ann. */
  static async openTls(server: LoginServer, protocol: Protocol, certificate = false): Promise<SaslClient> {
    const client = await SaslClient.open(server, protocol);
    if (protocol === "submission") await client.say(client.#dialect.capabilities);
    await client.say(client.#dialect.startTls);
    client.#socket.removeAllListeners();
    const read = (name: string) => readFileSync(server.file(name));
    const own = certificate ? { cert: read("client.pem"), key: read("client.key") } : {};
    const secured = connectTls({ socket: client.#socket, ca: read("ca.pem"), servername: "localhost", ...own });
    await once(secured, "secureConnect");
    client.#socket = secured;
    client.#listen();
    if (protocol === "submission") await client.say(client.#dialect.capabilities);
    return client;
  }

  async mechanisms(): Promise<string[]> {
    this.#socket.write(`${this.#dialect.capabilities}\r\n`);
    const end = this.#protocol === "pop3" ? /^\.\r\n/m : this.#dialect.end;
    return this.#dialect.mechanisms(await this.#until(end));
  }

  /** Data of the channel as this side sees it. */
  binding(type: "tls-exporter" | "tls-server-end-point"): Buffer {
    const secured = this.#socket as TLSSocket;
    // RFC 9266 2
    if (type === "tls-exporter") return secured.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
    // RFC 5929 4.1: the hash of the certificate's signature, here SHA-256
    return createHash("sha256").update(secured.getPeerCertificate().raw).digest();
  }

  begin(mechanism: string, initial: Uint8Array | null = null): Promise<Answer> {
    const text = initial && (initial.length === 0 ? "=" : Buffer.from(initial).toString("base64"));
    return this.#ask(this.#dialect.auth(mechanism, text));
  }

  respond(response: Uint8Array | string): Promise<Answer> {
    return this.#ask(typeof response === "string" ? response : Buffer.from(response).toString("base64"));
  }

  async say(line: string): Promise<string> {
    this.#socket.write(`${line}\r\n`);
    return this.#until(this.#dialect.end);
  }

  /** Resolves when the server has let go of what the session held. */
  async leave(): Promise<void> {
    const closed = once(this.#socket, "close");
    this.#socket.end(this.#protocol === "imap" ? "z LOGOUT\r\n" : "QUIT\r\n");
    await closed;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #ask(line: string): Promise<Answer> {
    this.#socket.write(`${line}\r\n`);
    const { challenge, end } = this.#dialect;
    const text = await this.#until(new RegExp(`${challenge.source}|${end.source}`, "m"));
    const data = challenge.exec(text)?.[1];
    return data === undefined ? { end: text.trimEnd() } : { challenge: Buffer.from(data, "base64") };
  }

  #listen(): void {
    this.#socket.on("error", () => undefined);
    this.#socket.on("close", () => this.#wake());
    this.#socket.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString("latin1");
      this.#wake();
    });
  }

  async #until(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.#text);
      if (match) {
        const end = match.index + match[0].length;
        const seen = this.#text.slice(0, end);
        this.#text = this.#text.slice(end);
        return seen;
      }
      if (this.#socket.destroyed || this.#socket.readableEnded) throw new Error(`closed; came: ${this.#text}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
