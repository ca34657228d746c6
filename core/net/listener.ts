/**
 * Listeners: sockets that clients connect to. `openListener` opens one, admits clients under its limits, does implicit TLS,
 * and hands each connection to the one who speaks the protocol. Throws `ListenError` when the address cannot be had; after
 * that nothing that a client or the network does becomes an exception.
 */
import { randomUUID } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import type { Certificates } from "../contracts/certificates.ts";
import type { Kernel } from "../contracts/kernel.ts";
import type { Log } from "../contracts/log.ts";
import type { Connection, ListenerTls, Protocol } from "../contracts/session.ts";
import { createSession } from "../kernel/session.ts";
import { ClientConnection } from "./connection.ts";
import { ConnectionCounts, type ConnectionLimits } from "./connection-counts.ts";
import { type ListenPlace, listen, placeText } from "./listen.ts";
import { ListenError } from "./net-errors.ts";
import { type Endpoint, localEnd, remoteEnd } from "./peer-address.ts";
import { type ProxyPeers, proxyPeers } from "./proxy/peers.ts";
import { readProxyHeader } from "./proxy/read.ts";
import { type GreetingRefusal, greetingRefusal } from "./refusal-text.ts";

const HANDSHAKE_TIMEOUT_MS = 30_000;
/** The specification asks for 3 seconds at least: a lost packet is sent again after that. */
const PROXY_TIMEOUT_MS = 10_000;

export interface ListenerSpec {
  readonly name: string;
  readonly role: string;
  readonly place: ListenPlace;
  readonly tls: ListenerTls;
  readonly limits: ConnectionLimits;
  /** Networks whose connections must begin with a PROXY header, before TLS; `unix` for all on a unix socket. Others' must not. */
  readonly proxyFrom?: readonly string[];
  readonly proxyTimeoutMs?: number;
  readonly handshakeTimeoutMs?: number;
}

export interface ListenerDeps {
  readonly log: Log;
  readonly hostname: string;
  readonly certificates: Certificates | null;
  readonly kernel: Pick<Kernel, "policy" | "hears" | "notice">;
  /** Who asks the hooks `connect` and `tls`: the listener, or the room itself (SMTP gives its refusals later). */
  readonly policies: "listener" | "room";
  /** Gets each connection once; from then on the connection is its own. */
  readonly serve: (connection: Connection) => void;
}

export interface Listener {
  readonly name: string;
  /** Where it really listens: `port` is the one that the system chose if the spec says 0. */
  readonly address: { readonly host: string; readonly port: number } | { readonly path: string };
  readonly connections: number;
  /** Stops accepting, tells connections to end, and cuts off those that are still there after `drainMs`. */
  close(drainMs: number): Promise<void>;
}

export async function openListener(spec: ListenerSpec, deps: ListenerDeps): Promise<Listener> {
  if (spec.tls !== "none" && spec.tls !== "optional" && !deps.certificates?.isAvailable) {
    throw new ListenError(`listener "${spec.name}": tls is "${spec.tls}", but there is no certificate`);
  }
  const proxies = proxyPeers(spec.proxyFrom ?? []);
  if (typeof proxies === "string") throw new ListenError(`listener "${spec.name}": proxy: ${proxies}`);
  const server = createServer({ noDelay: true });
  const doorway = new Doorway(spec, deps, proxies);
  server.on("connection", (socket) => doorway.accept(socket));
  await listen(server, spec.name, spec.place);
  server.on("error", (error) => {
    // Out of descriptors, as a rule: those who are here go on, and new ones are taken when there is room.
    deps.log.error({ listener: spec.name, cause: error.message }, "cannot accept connections");
  });
  const address = addressOf(server);
  deps.log.info({ listener: spec.name, role: spec.role, at: placeText(spec.place), tls: spec.tls }, "listening");
  return {
    name: spec.name,
    address,
    get connections() {
      return doorway.size;
    },
    close: async (drainMs) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await doorway.drain(drainMs);
      await closed;
    },
  };
}

interface Ends {
  readonly remote: Endpoint;
  readonly local: Endpoint;
}

/** The connections of one listener. */
class Doorway {
  readonly #spec: ListenerSpec;
  readonly #deps: ListenerDeps;
  readonly #protocol: Protocol;
  readonly #isUnix: boolean;
  readonly #proxies: ProxyPeers;
  readonly #counts: ConnectionCounts;
  readonly #connections = new Set<ClientConnection>();
  /** Their proxy has not said yet whom it speaks for. */
  readonly #unnamed = new Set<Socket>();
  #isDraining = false;
  #onEmpty: (() => void) | null = null;
  /** Since the last refusal for lack of room was logged. */
  #refusedQuietly = 0;
  #refusedLoggedAt = Number.NEGATIVE_INFINITY;

  constructor(spec: ListenerSpec, deps: ListenerDeps, proxies: ProxyPeers) {
    this.#spec = spec;
    this.#deps = deps;
    this.#proxies = proxies;
    this.#protocol = protocolOf(spec.role);
    this.#isUnix = spec.place.at === "path";
    this.#counts = new ConnectionCounts(spec.limits);
  }

  get size(): number {
    return this.#connections.size;
  }

  accept(socket: Socket): void {
    // Whatever breaks a socket shows in its "close"; without a listener it would end the process.
    socket.on("error", ignore);
    const remote = remoteEnd(socket, this.#isUnix);
    if (!remote || this.#isDraining) {
      socket.destroy();
      return;
    }
    const ends = { remote, local: localEnd(socket, this.#isUnix) };
    if (this.#proxies.includes(remote.address)) {
      this.#acceptProxied(socket, ends).catch((error: unknown) => this.#onBadProxy(socket, remote.address, error));
    } else this.#enter(socket, ends);
  }

  /** The client is the one whom the proxy names: limits and policies see nobody else. */
  async #acceptProxied(socket: Socket, ends: Ends): Promise<void> {
    if (this.#counts.total + this.#unnamed.size >= this.#spec.limits.connections) {
      this.#refuseForLackOfRoom(socket, ends.remote.address);
      return;
    }
    this.#unnamed.add(socket);
    const header = await readProxyHeader(socket, this.#spec.proxyTimeoutMs ?? PROXY_TIMEOUT_MS).finally(() =>
      this.#unnamed.delete(socket),
    );
    if (socket.destroyed || this.#isDraining) {
      socket.destroy();
      return;
    }
    const named = header.ends ?? ends;
    const proxy = { proxy: ends.remote.address, remote: named.remote.address, tls: header.tls };
    this.#deps.log.debug({ listener: this.#spec.name, ...proxy }, "connection through a proxy");
    this.#enter(socket, named);
  }

  #onBadProxy(socket: Socket, proxy: string, error: unknown): void {
    const cause = error instanceof Error ? error.message : String(error);
    this.#deps.log.warn(
      { listener: this.#spec.name, proxy, cause },
      "connection closed: a proxy did not name its client",
    );
    socket.destroy();
  }

  #enter(socket: Socket, { remote, local }: Ends): void {
    const leave = this.#counts.enter(remote.address);
    if (!leave) {
      this.#refuseForLackOfRoom(socket, remote.address);
      return;
    }
    const session = createSession({
      id: sessionId(),
      protocol: this.#protocol,
      listener: { name: this.#spec.name, role: this.#spec.role },
      local,
      remote: { ...remote, hostname: null },
    });
    const connection = new ClientConnection({
      socket,
      session,
      listenerTls: this.#spec.tls,
      certificates: this.#deps.certificates,
      handshakeTimeoutMs: this.#spec.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
      log: this.#deps.log,
    });
    this.#connections.add(connection);
    // "close" comes once by itself; `once` would keep three more objects for each connection, idle ones too.
    socket.on("close", () => {
      leave();
      this.#connections.delete(connection);
      if (this.#connections.size === 0) this.#onEmpty?.();
      this.#deps.kernel.notice("disconnect", session);
    });
    this.#admit(connection);
  }

  async drain(drainMs: number): Promise<void> {
    this.#isDraining = true;
    for (const socket of this.#unnamed) socket.destroy();
    if (this.#connections.size === 0) return;
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    for (const connection of this.#connections) connection.drain();
    const timer = setTimeout(() => {
      this.#deps.log.warn(
        { listener: this.#spec.name, connections: this.#connections.size },
        "connections cut off: they did not end in time",
      );
      for (const connection of this.#connections) connection.destroy();
    }, drainMs);
    await empty;
    clearTimeout(timer);
  }

  /** No promise where nothing has to be waited for: the greeting leaves in the turn that accepted the client. */
  #admit(connection: ClientConnection): void {
    if (this.#spec.tls === "implicit") {
      this.#admitAfterHandshake(connection).catch((error: unknown) => this.#onFault(connection, error));
      return;
    }
    this.#ask("connect", connection, () => this.#serve(connection));
  }

  async #admitAfterHandshake(connection: ClientConnection): Promise<void> {
    if (!(await connection.startsWithTls())) return;
    this.#ask("connect", connection, () => this.#ask("tls", connection, () => this.#serve(connection)));
  }

  #ask(hook: "connect" | "tls", connection: ClientConnection, goOn: () => void): void {
    const { kernel, policies } = this.#deps;
    if (policies === "room" || !kernel.hears(hook)) {
      goOn();
      return;
    }
    const act = (result: Awaited<ReturnType<Kernel["policy"]>>): void => {
      const { verdict } = result;
      if (verdict.verdict === "proceed" || verdict.verdict === "allow") goOn();
      else if (verdict.verdict === "reject" || verdict.verdict === "defer") {
        const { id, remote } = connection.session;
        this.#deps.log.info(
          { session: id, remote: remote.address, listener: this.#spec.name, by: result.by, text: verdict.refusal.text },
          "connection refused",
        );
        this.#refuse(connection, { isTemporary: verdict.verdict === "defer", text: verdict.refusal.text });
      } else this.#refuse(connection, { isTemporary: true, text: "Service not available" });
    };
    const result = kernel.policy(hook, connection.session);
    if (result instanceof Promise) {
      result.then(act).catch((error: unknown) => this.#onFault(connection, error));
    } else act(result);
  }

  #serve(connection: ClientConnection): void {
    if (connection.socket.destroyed) return;
    if (this.#isDraining) connection.drain();
    try {
      this.#deps.serve(connection);
    } catch (error) {
      this.#onFault(connection, error);
    }
  }

  #onFault(connection: ClientConnection, error: unknown): void {
    const { id } = connection.session;
    this.#deps.log.error({ session: id, listener: this.#spec.name, err: error }, "a connection could not be served");
    connection.destroy();
  }

  #refuse(connection: ClientConnection, refusal: GreetingRefusal): void {
    const text = greetingRefusal(this.#protocol, this.#deps.hostname, refusal);
    if (text !== null) void connection.write(text);
    connection.close();
  }

  #refuseForLackOfRoom(socket: Socket, address: string): void {
    this.#refusedQuietly += 1;
    const now = performance.now();
    if (now - this.#refusedLoggedAt > 10_000) {
      const fields = { listener: this.#spec.name, remote: address, refused: this.#refusedQuietly };
      this.#deps.log.warn(fields, "connections refused: the listener's limit is reached");
      this.#refusedLoggedAt = now;
      this.#refusedQuietly = 0;
    }
    const refusal = { isTemporary: true, text: "Too many connections, try again later" };
    const text = this.#spec.tls === "implicit" ? null : greetingRefusal(this.#protocol, this.#deps.hostname, refusal);
    if (text === null) socket.destroy();
    else socket.end(text, () => socket.destroy());
  }
}

const ignore = (): void => undefined;

export function protocolOf(role: string): Protocol {
  switch (role) {
    case "mx":
    case "submission":
    case "reinject":
      return "smtp";
    case "lmtp":
    case "imap":
    case "pop3":
    case "managesieve":
    case "http":
      return role;
    default:
      return "other";
  }
}

function addressOf(server: Server): Listener["address"] {
  const address = server.address();
  if (address === null) return { host: "", port: 0 };
  return typeof address === "string" ? { path: address } : { host: address.address, port: address.port };
}

/** Sixteen digits. A UUID costs a tenth of as many random bytes: Node draws them in advance. */
function sessionId(): string {
  const uuid = randomUUID();
  return uuid.slice(0, 8) + uuid.slice(-8);
}
