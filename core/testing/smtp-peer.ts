/** The other side of a conversation, told line by line what to do: for clients of SMTP and LMTP. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { TLSSocket } from "node:tls";

export class Peer {
  socket: Socket;
  /** From 0, in the order in which they came. */
  readonly index: number;
  #received = "";
  #isEnded = false;
  /** What came with each read, latin1: how much leaves in one write. */
  readonly chunks: string[] = [];

  constructor(socket: Socket, index: number) {
    this.socket = socket;
    this.index = index;
    this.#listen();
  }

  #listen(): void {
    const { socket } = this;
    socket.on("data", (chunk: Buffer) => {
      this.chunks.push(chunk.toString("latin1"));
      this.#received += chunk.toString("latin1");
    });
    const end = () => {
      this.#isEnded = true;
    };
    socket.on("end", end).on("close", end).on("error", end);
  }

  /** Says a reply; several lines are several arguments. */
  say(...lines: readonly string[]): void {
    this.socket.write(lines.map((line) => `${line}\r\n`).join(""));
  }

  /** What is there up to and with `end`; rejects when the client leaves before. */
  async until(end: string): Promise<string> {
    for (;;) {
      const at = this.#received.indexOf(end);
      if (at >= 0) return this.#take(at + end.length);
      await this.#more(end);
    }
  }

  async line(): Promise<string> {
    return (await this.until("\r\n")).slice(0, -2);
  }

  async octets(size: number): Promise<string> {
    while (this.#received.length < size) await this.#more(`${size} octets`);
    return this.#take(size);
  }

  /** Content up to the final dot, as it came. */
  async content(): Promise<string> {
    return (await this.until("\r\n.\r\n")).slice(0, -3);
  }

  /** Answers each line in its turn until one has no answer here, which is given back. */
  async answer(replies: Readonly<Record<string, string>>): Promise<string> {
    for (;;) {
      const line = await this.line();
      const reply = replies[line.split(/[ :]/, 1)[0]?.toUpperCase() ?? ""];
      if (reply === undefined) return line;
      this.say(...reply.split("\n"));
    }
  }

  /** Greeting and EHLO with these extensions. */
  async greet(...extensions: readonly string[]): Promise<string> {
    this.say("220 peer.example ESMTP");
    return this.hello(...extensions);
  }

  async hello(...extensions: readonly string[]): Promise<string> {
    const line = await this.line();
    const all = ["peer.example", ...extensions];
    this.say(...all.map((text, at) => `250${at === all.length - 1 ? " " : "-"}${text}`));
    return line;
  }

  /** Shakes hands over what has been clear text so far. */
  async startTls(own: { readonly cert: string; readonly key: string }): Promise<void> {
    this.socket.removeAllListeners("data");
    this.socket = new TLSSocket(this.socket, { isServer: true, ...own });
    this.#listen();
    await once(this.socket, "secure");
  }

  close(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Resolves when the client has gone. */
  async gone(): Promise<void> {
    while (!this.#isEnded) await this.#event();
  }

  #take(size: number): string {
    const taken = this.#received.slice(0, size);
    this.#received = this.#received.slice(size);
    return taken;
  }

  async #more(what: string): Promise<void> {
    if (this.#isEnded)
      throw new Error(`the client left before ${JSON.stringify(what)}; ${JSON.stringify(this.#received)} was left`);
    await this.#event();
  }

  async #event(): Promise<void> {
    const seen = new AbortController();
    const { signal } = seen;
    await Promise.race(
      ["data", "end", "close"].map((event) => once(this.socket, event, { signal }).catch(() => undefined)),
    );
    seen.abort();
  }
}

export interface PeerServer {
  readonly port: number;
  readonly peers: readonly Peer[];
  /** What scripts ended with: nothing, or why they could not go on. */
  readonly faults: readonly unknown[];
  close(): Promise<void>;
}

/** Runs the script for each client. `path`: on a unix socket. */
export async function startPeerServer(
  script: (peer: Peer) => Promise<void>,
  { path, host = "127.0.0.1" }: { readonly path?: string; readonly host?: string } = {},
): Promise<PeerServer> {
  const peers: Peer[] = [];
  const faults: unknown[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const peer = new Peer(socket, peers.length);
    peers.push(peer);
    script(peer).catch((cause: unknown) => faults.push(cause));
  });
  await new Promise<void>((resolve) =>
    path === undefined ? server.listen(0, host, resolve) : server.listen(path, resolve),
  );
  return {
    port: path === undefined ? (server.address() as AddressInfo).port : 0,
    peers,
    faults,
    close: () =>
      new Promise((resolve) => {
        for (const peer of peers) peer.destroy();
        server.close(() => resolve());
      }),
  };
}
