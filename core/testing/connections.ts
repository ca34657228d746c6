/** Connections for tests: a listener on a free port, what it hands over, and clients that keep what they got. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connection } from "../contracts/session.ts";
import type { Plugin } from "../kernel/define.ts";
import { type OpenCertificates, openCertificates } from "../net/certificates.ts";
import { type ListenerSpec, openListener } from "../net/listener.ts";
import { ensureSelfSigned } from "../net/self-signed.ts";
import { keptLog, kernelOf, silentLog } from "./kernel.ts";

/** For tests that open a listener themselves. */
export const listenerSpec = (change: Partial<ListenerSpec>): ListenerSpec => ({
  name: "imap-143",
  role: "imap",
  place: { at: "port", host: "127.0.0.1", port: 0 },
  tls: "none",
  limits: { connections: 10, connectionsPerAddress: 10 },
  ...change,
});

/** Whoever comes in is served by nobody. */
export const listenerDeps = async () => ({
  log: silentLog,
  hostname: "mx.example.org",
  certificates: null,
  kernel: await kernelOf(),
  policies: "room" as const,
  serve: () => undefined,
});

export class Workbench {
  readonly #cleanups: (() => unknown)[] = [];

  /** Call it in `afterEach`. */
  async clear(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
  }

  defer(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  async directory(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), "postern-net-"));
    this.defer(() => rm(path, { recursive: true, force: true }));
    return path;
  }

  async certificates(): Promise<OpenCertificates> {
    const directory = await this.directory();
    const files = { cert: join(directory, "cert.pem"), key: join(directory, "key.pem") };
    await ensureSelfSigned(files, { hostname: "mx.example.org" });
    const certificates = await openCertificates(files, { log: keptLog().log });
    this.defer(() => certificates.close());
    return certificates;
  }

  async listener(change: {
    readonly spec?: Partial<ListenerSpec>;
    readonly certificates?: OpenCertificates;
    readonly plugins?: readonly Plugin[];
    readonly policies?: "listener" | "room";
    readonly serve?: (connection: Connection) => void;
  }) {
    const { log, lines } = keptLog();
    const served: Connection[] = [];
    const waiting: ((connection: Connection) => void)[] = [];
    const listener = await openListener(
      {
        name: "test",
        role: "imap",
        place: { at: "port", host: "127.0.0.1", port: 0 },
        tls: "optional",
        limits: { connections: 100, connectionsPerAddress: 100 },
        ...change.spec,
      },
      {
        log,
        hostname: "mx.example.org",
        certificates: change.certificates ?? null,
        kernel: await kernelOf(...(change.plugins ?? [])),
        policies: change.policies ?? "listener",
        serve: (connection) => {
          change.serve?.(connection);
          const taker = waiting.shift();
          if (taker) taker(connection);
          else served.push(connection);
        },
      },
    );
    this.defer(() => listener.close(0));
    const port = "port" in listener.address ? listener.address.port : 0;
    const client = async () => {
      const one = new Client(connect(port, "127.0.0.1"));
      this.defer(() => one.socket.destroy());
      await one.connected;
      return one;
    };
    /** The next connection handed over. */
    const accepted = () =>
      new Promise<Connection>((resolve) => {
        const one = served.shift();
        if (one) resolve(one);
        else waiting.push(resolve);
      });
    const pair = async () => {
      const one = await client();
      return { client: one, connection: await accepted() };
    };
    return { listener, port, lines, client, accepted, pair };
  }
}

export class Client {
  readonly socket: Socket;
  readonly connected: Promise<unknown>;
  #text = "";
  #isClosed = false;
  readonly #waiting = new Set<() => void>();

  constructor(socket: Socket, connectedEvent = "connect") {
    this.socket = socket;
    this.connected = once(socket, connectedEvent);
    socket.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString("latin1");
      this.#wake();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  get text(): string {
    return this.#text;
  }

  send(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  /** Resolves when what came holds this; rejects if the connection ends before. */
  async until(expected: string): Promise<void> {
    while (!this.#text.includes(expected)) {
      if (this.#isClosed)
        throw new Error(`closed before ${JSON.stringify(expected)}; came: ${JSON.stringify(this.#text)}`);
      await this.#change();
    }
  }

  /** All that came until the end. */
  async ended(): Promise<string> {
    while (!this.#isClosed) await this.#change();
    return this.#text;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
