/**
 * A client without sockets: both ends of a connection in memory, for tests that measure what a session costs and for those
 * that need thousands. What the server holds can be looked at from here.
 */

import type { Socket } from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import type { Connection } from "../contracts/session.ts";
import { ClientConnection } from "../net/connection.ts";
import { silentLog } from "./kernel.ts";
import { sessionOf } from "./mail.ts";

export class MemoryClient {
  readonly socket: Duplex;
  /** The server's end. */
  readonly server: Duplex;
  /** All that came, latin1, while reading was on. */
  received = "";
  #isEnded = false;
  readonly #waiting = new Set<() => void>();

  /** `reads: false`: whatever the server says is left where it is. */
  constructor(serve: (connection: Connection) => void, how: { readonly reads?: boolean } = {}) {
    [this.socket, this.server] = duplexPair();
    const socket = this.server as Socket;
    const init = { socket, session: sessionOf(), listenerTls: "none", certificates: null } as const;
    this.socket.on("error", () => undefined);
    this.server.on("close", () => this.#end());
    if (how.reads !== false) this.read();
    serve(new ClientConnection({ ...init, handshakeTimeoutMs: 1000, log: silentLog }));
  }

  read(): void {
    this.socket.on("data", (chunk: Buffer) => {
      this.received += chunk.toString("latin1");
      this.#wake();
    });
    this.socket.on("end", () => this.#end());
  }

  send(octets: string | Uint8Array): void {
    if (this.socket.writable) this.socket.write(typeof octets === "string" ? Buffer.from(octets, "latin1") : octets);
  }

  /** The client has nothing more to say, but may listen. */
  end(): void {
    this.socket.end();
  }

  /** The connection breaks. */
  destroy(): void {
    this.socket.destroy();
    this.server.destroy();
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Resolves when this stands in what has come; rejects if the server ends before. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.received)) {
      if (this.#isEnded) throw new Error(`closed before ${pattern}: ${JSON.stringify(this.received.slice(-500))}`);
      await this.#change();
    }
    return this.received;
  }

  /** All that came until the server ended. */
  async closed(): Promise<string> {
    while (!this.#isEnded) await this.#change();
    return this.received;
  }

  #end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
