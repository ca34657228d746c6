/**
 * From nothing to a connection that mail may be sent over: socket, greeting, EHLO, STARTTLS, AUTH. Throws `OutboundFault` with the
 * phase that it failed in; nothing is left open then.
 */
import type { OutboundRequest, OutboundTls, TlsFault } from "../contracts/outbound.ts";
import { type Connected, connect } from "./connect.ts";
import { type Features, readFeatures } from "./features.ts";
import { OutboundFault } from "./outbound-fault.ts";
import { isSuccess } from "./remote-reply.ts";
import type { Reply } from "./reply-parser.ts";
import { logIn } from "./sasl/log-in.ts";
import { secure } from "./secure.ts";
import type { Timeouts } from "./timeouts.ts";
import type { TlsSessions } from "./tls-sessions.ts";
import { ConnectionFault, Wire } from "./wire.ts";

export interface OpenConnection {
  readonly wire: Wire;
  readonly address: string;
  readonly localAddress: string | null;
  readonly features: Features;
  readonly tls: OutboundTls | null;
  readonly tlsFault: TlsFault | null;
}

export interface OpeningRoom {
  readonly request: Omit<OutboundRequest, "helloName">;
  readonly helloName: string;
  readonly timeouts: Timeouts;
  readonly sessions: TlsSessions;
  /** All that tells this connection from others, but its address. */
  readonly key: string;
}

export async function openConnection(room: OpeningRoom): Promise<OpenConnection> {
  const { place, source, signal } = room.request;
  const connected = await connect({ place, source, timeoutMs: room.timeouts.connectMs, signal });
  const opening = new Opening(room, connected);
  const onAbort = () => opening.destroy("the delivery was called off");
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await opening.run();
  } catch (cause) {
    opening.destroy("the conversation could not begin");
    throw opening.faultOf(cause);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

class Opening {
  readonly #room: OpeningRoom;
  readonly #address: string;
  #wire: Wire | null = null;
  #phase: OutboundFault["phase"] = "greeting";
  readonly #connected: Connected;
  #tls: OutboundTls | null = null;
  #tlsFault: TlsFault | null = null;

  constructor(room: OpeningRoom, connected: Connected) {
    this.#room = room;
    this.#connected = connected;
    this.#address = connected.address;
  }

  async run(): Promise<OpenConnection> {
    const { request, timeouts } = this.#room;
    const { level } = request.tls;
    if (level === "implicit") await this.#secure();
    const wire = this.#wire ?? this.#speak(new Wire(this.#connected.socket, 1));
    const greeting = await wire.reply(timeouts.greetingMs);
    // RFC 5321 3.1: 220, or we are not wanted
    if (greeting.code !== 220) throw this.#refused("the host does not want to talk to us", greeting);
    let features = await this.#hello(wire);
    if (level !== "none" && level !== "implicit") features = await this.#startTls(features);
    const current = this.#wire ?? wire;
    if (request.login) await this.#logIn(current, request.login, features);
    const { address, localAddress } = this.#connected;
    return { wire: current, address, localAddress, features, tls: this.#tls, tlsFault: this.#tlsFault };
  }

  destroy(reason: string): void {
    if (this.#wire === null) this.#connected.socket.destroy();
    else this.#wire.destroy(reason);
  }

  faultOf(cause: unknown): OutboundFault {
    const { address, localAddress } = this.#connected;
    if (cause instanceof OutboundFault) {
      const { reply, ownReply, tlsFault } = cause;
      const about = { ...(reply && { reply }), ...(ownReply && { ownReply }), ...(tlsFault && { tlsFault }) };
      return new OutboundFault(cause.phase, cause.message, { ...about, address, localAddress, cause: cause.cause });
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    const reply = cause instanceof ConnectionFault ? cause.reply : null;
    return new OutboundFault(this.#phase, reason, { ...(reply && { reply }), address, localAddress, cause });
  }

  #speak(wire: Wire): Wire {
    this.#wire = wire;
    return wire;
  }

  #refused(reason: string, reply: Reply): OutboundFault {
    return new OutboundFault(this.#phase, reason, { reply });
  }

  async #hello(wire: Wire): Promise<Features> {
    const { request, helloName, timeouts } = this.#room;
    this.#phase = "hello";
    wire.send(`${request.protocol === "lmtp" ? "LHLO" : "EHLO"} ${helloName}\r\n`, 1);
    const extended = await wire.reply(timeouts.helloMs);
    if (isSuccess(extended)) return readFeatures(extended.lines);
    // RFC 5321 3.2: who does not know EHLO is asked with HELO. LMTP has no such thing (RFC 2033 4.1), nor has mail that needs TLS.
    if (extended.code < 500 || request.protocol === "lmtp")
      throw this.#refused("the host refuses our greeting", extended);
    wire.send(`HELO ${helloName}\r\n`, 1);
    const plain = await wire.reply(timeouts.helloMs);
    if (!isSuccess(plain)) throw this.#refused("the host refuses our greeting", plain);
    return readFeatures(null);
  }

  async #startTls(offered: Features): Promise<Features> {
    const { request, timeouts } = this.#room;
    const wire = this.#wire;
    if (wire === null) return offered;
    this.#phase = "tls";
    const isCondition = request.tls.level !== "opportunistic";
    const missing = (reason: string, reply?: Reply): Features => {
      this.#tlsFault = { kind: "starttls-not-supported", reason };
      if (isCondition) throw new OutboundFault("tls", reason, { tlsFault: this.#tlsFault, ...(reply && { reply }) });
      return offered;
    };
    if (!offered.has("STARTTLS")) return missing("the host offers no TLS");
    wire.send("STARTTLS\r\n", 1);
    const reply = await wire.reply(timeouts.helloMs);
    if (reply.code !== 220) return missing(`the host offers TLS and refuses it: ${reply.code}`, reply);
    await this.#secure();
    // RFC 3207 4.2: what was said before TLS is forgotten
    return this.#hello(this.#wire ?? wire);
  }

  async #secure(): Promise<void> {
    const { request, timeouts, sessions, key } = this.#room;
    this.#phase = "tls";
    const socket = this.#wire === null ? this.#connected.socket : this.#release(this.#wire);
    const { socket: secured, tls } = await secure(socket, {
      requirement: request.tls,
      name: request.place.name,
      timeoutMs: timeouts.helloMs,
      signal: request.signal,
      sessions,
      sessionKey: `${this.#address} ${key}`,
    });
    this.#speak(new Wire(secured, request.tls.level === "implicit" ? 1 : 0));
    this.#tls = tls;
    this.#phase = "greeting";
  }

  #release(wire: Wire) {
    try {
      return wire.release();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new OutboundFault("tls", reason, { tlsFault: { kind: "validation-failure", reason }, cause });
    }
  }

  async #logIn(wire: Wire, credentials: NonNullable<OutboundRequest["login"]>, features: Features): Promise<void> {
    this.#phase = "login";
    const { request, timeouts } = this.#room;
    await logIn({
      wire,
      credentials,
      offered: features.mechanisms,
      host: request.place.name,
      address: this.#address,
      timeoutMs: timeouts.helloMs,
    });
  }
}
