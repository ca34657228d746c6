/**
 * The resolvers that are asked, in their order: one that does not answer gives way to the next, and goes last for a while. Which of
 * them are believed when they say that an answer is authentic (RFC 4035 4.9.3) is known here, too: nobody may come between them and us.
 */
import { Resolver as SystemResolver } from "node:dns/promises";
import { isIPv6 } from "node:net";
import type { Clock } from "../../contracts/clock.ts";
import { type DnsServer, ExchangeError, exchange } from "./exchange.ts";
import { type Question, type Reply, replyCode } from "./message.ts";

export interface ServersOptions {
  /** `address` or `address:port`, IPv6 with a port in brackets; empty: the system's. */
  readonly servers: readonly string[];
  /** `true`: all of them validate and are reached safely; `false`: none; left out: those on this machine. */
  readonly validating?: boolean | undefined;
  /** For one try. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

interface ListedServer extends DnsServer {
  readonly key: string;
  readonly isTrusted: boolean;
}

export interface ServersReply extends Reply {
  /** The server is trusted and says that DNSSEC vouches for its answer, be it that there is nothing. */
  readonly isAuthentic: boolean;
}

const ROUNDS = 2;
const SERVER_LIMIT = 3;
const SLOW_MS = 30_000;
const WITHOUT_EDNS_MS = 30_000;
// Long enough to cost nothing, short enough for a network that came up after the server.
const SYSTEM_KEPT_MS = 30_000;
const IN_FLIGHT_LIMIT = 256;
const WAITING_LIMIT = 10_000;

export class Servers {
  readonly #options: ServersOptions;
  #listed: readonly ListedServer[] = [];
  #listedUntil = Number.NEGATIVE_INFINITY;
  readonly #slowUntil = new Map<string, number>();
  /** Servers that know no EDNS, and until when that is believed: one odd reply must not switch DNSSEC off for good. */
  readonly #withoutEdnsUntil = new Map<string, number>();
  #inFlight = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(options: ServersOptions) {
    this.#options = options;
  }

  /** Rejects with an `ExchangeError` when nobody answers. A reply says that there is such a name, or that there is none. */
  async ask(question: Question): Promise<ServersReply> {
    await this.#enter();
    try {
      return await this.#askInTurn(question);
    } finally {
      this.#inFlight -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #enter(): Promise<void> {
    if (this.#inFlight >= IN_FLIGHT_LIMIT) {
      if (this.#waiting.length >= WAITING_LIMIT) throw new ExchangeError("EBUSY");
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#inFlight += 1;
  }

  async #askInTurn(question: Question): Promise<ServersReply> {
    const servers = this.#inOrder();
    // RFC 7672 2.1.1: whom we trust may say "bogus" (SERVFAIL) or be kept from answering; whoever is asked instead of them would
    // turn that into "insecure". Only where nobody listens does the next one count.
    const passed = new Set<ListedServer>();
    let failure = new ExchangeError("ENOSERVERS");
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const server of servers) {
        if (!server.isTrusted && servers.some((other) => other.isTrusted && !passed.has(other))) continue;
        try {
          return await this.#askOne(server, question);
        } catch (cause) {
          if (!(cause instanceof ExchangeError)) throw cause;
          failure = cause;
          if (cause.code === "ECONNREFUSED") passed.add(server);
          this.#slowUntil.set(server.key, this.#options.clock.now() + SLOW_MS);
        }
      }
    }
    throw failure;
  }

  async #askOne(server: ListedServer, question: Question): Promise<ServersReply> {
    const { timeoutMs } = this.#options;
    const now = this.#options.clock.now();
    const edns = (this.#withoutEdnsUntil.get(server.key) ?? now) > now ? null : server.isTrusted ? "secure" : "plain";
    let reply = await exchange(server, { question, edns, timeoutMs });
    if (edns !== null && (reply.code === replyCode.formatError || reply.code === replyCode.notImplemented)) {
      // RFC 6891 7
      this.#withoutEdnsUntil.set(server.key, now + WITHOUT_EDNS_MS);
      reply = await exchange(server, { question, edns: null, timeoutMs });
    }
    if (reply.code !== replyCode.noError && reply.code !== replyCode.noName)
      throw new ExchangeError(codeNames.get(reply.code) ?? "EBADRESP");
    this.#slowUntil.delete(server.key);
    return { ...reply, isAuthentic: reply.isAuthentic && server.isTrusted };
  }

  #inOrder(): readonly ListedServer[] {
    const now = this.#options.clock.now();
    if (now >= this.#listedUntil) this.#list(now);
    const isSlow = ({ key }: ListedServer) => (this.#slowUntil.get(key) ?? now) > now;
    return [...this.#listed].sort((one, other) => Number(isSlow(one)) - Number(isSlow(other)));
  }

  #list(now: number): void {
    const { servers, validating } = this.#options;
    const isOwn = servers.length > 0;
    this.#listed = (isOwn ? servers : new SystemResolver().getServers()).slice(0, SERVER_LIMIT).map((text) => {
      const server = readServer(text);
      return { ...server, key: text, isTrusted: validating ?? isLoopback(server.address) };
    });
    this.#listedUntil = isOwn ? Number.POSITIVE_INFINITY : now + SYSTEM_KEPT_MS;
    this.#slowUntil.clear();
    this.#withoutEdnsUntil.clear();
  }
}

// As c-ares calls them.
const codeNames = new Map<number, string>([
  [replyCode.formatError, "EFORMERR"],
  [replyCode.serverFailure, "ESERVFAIL"],
  [replyCode.notImplemented, "ENOTIMP"],
  [replyCode.refused, "EREFUSED"],
]);

function readServer(text: string): DnsServer {
  const [, inBrackets, bare, port = "53"] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
  return { address: inBrackets ?? bare ?? text, port: Number(port) };
}

const isLoopback = (address: string): boolean =>
  isIPv6(address) ? /^(?:0*:)*:?0*1$/.test(address) : address.startsWith("127.");
