/**
 * One list in DNS (RFC 5782), and whether it can be believed. Lists die: their domain is sold and answers for everything, or
 * they answer whom they do not like with a code that means "go away". Such answers count as none, and the log says so now and
 * then. Never rejects.
 */
import type { Clock, Log, Resolver } from "postern/plugin";

/** `codes`: the answers, 127.0.0.0/8, that can be believed; none: not listed. `failed`: nobody could tell in time. */
export type Listing = { readonly at: "told"; readonly codes: readonly string[] } | { readonly at: "failed" };

export interface BlockListParts {
  readonly zone: string;
  /** A name that no list has (RFC 5782 5): `1.0.0.127` among addresses, `invalid` among domains. */
  readonly neverListed: string;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly log: Log;
}

const SOUND_FOR_MS = 3_600_000;
const QUIET_FOR_MS = 600_000;

const notListed: Listing = { at: "told", codes: [] };
const failed: Listing = { at: "failed" };

export class BlockList {
  readonly #parts: BlockListParts;
  #soundUntilMs = 0;
  #deadUntilMs = 0;
  readonly #quietUntilMs = new Map<string, number>();

  constructor(parts: BlockListParts) {
    this.#parts = parts;
  }

  async find(name: string, signal: AbortSignal): Promise<Listing> {
    const { zone, resolver, clock } = this.#parts;
    if (this.#deadUntilMs > clock.now()) return notListed;
    const answer = await resolver.ipv4(`${name}.${zone}`, signal);
    if (answer.at === "notFound") return notListed;
    if (answer.at === "failed") {
      if (!signal.aborted) this.#warn(`a list cannot be asked: ${answer.reason}`);
      return failed;
    }
    const codes = answer.records.filter(isCode);
    if (codes.length === 0) {
      this.#warn(`a list gives answers that are none: ${answer.records.slice(0, 3).join(", ")}`);
      return notListed;
    }
    return this.#believe(codes, signal);
  }

  /** The list's own words for why; `null` if it has none, or not in time. */
  async reason(name: string, signal: AbortSignal): Promise<string | null> {
    const answer = await this.#parts.resolver.txt(`${name}.${this.#parts.zone}`, signal);
    return answer.at === "found" ? (answer.records[0] ?? null) : null;
  }

  /** RFC 5782 5: before anybody is refused for it, a list must have shown that it does not list everybody. */
  async #believe(codes: readonly string[], signal: AbortSignal): Promise<Listing> {
    const { zone, neverListed, resolver, clock } = this.#parts;
    if (this.#soundUntilMs > clock.now()) return { at: "told", codes };
    const control = await resolver.ipv4(`${neverListed}.${zone}`, signal);
    if (control.at === "failed") return failed;
    if (control.at === "notFound") {
      this.#soundUntilMs = clock.now() + SOUND_FOR_MS;
      return { at: "told", codes };
    }
    this.#deadUntilMs = clock.now() + SOUND_FOR_MS;
    this.#warn("a list lists everything and is not believed for an hour: it is dead, remove it");
    return notListed;
  }

  #warn(text: string): void {
    const { zone, clock, log } = this.#parts;
    const [kind = ""] = text.split(":");
    if ((this.#quietUntilMs.get(kind) ?? 0) > clock.now()) return;
    this.#quietUntilMs.set(kind, clock.now() + QUIET_FOR_MS);
    log.warn({ list: zone }, text);
  }
}

/**
 * RFC 5782 2.1: within 127.0.0.0/8, and 127.0.0.1 is not used. The large public lists say with 127.255.255.0/24 that they were
 * asked in a wrong way, through an open resolver or too often.
 */
const isCode = (code: string): boolean =>
  code.startsWith("127.") && code !== "127.0.0.1" && !code.startsWith("127.255.255.");
