/**
 * The issuer's public keys (RFC 7517), kept for a while. A key that is not among them makes us ask again, but not more often than
 * once in so many seconds, whatever tokens come. While the issuer is away the keys that are known are used, up to a day.
 */
import { createLocalJWKSet, type FlattenedJWSInput, type JSONWebKeySet, type JWSHeaderParameters } from "jose";
import type { Clock, Log } from "postern/plugin";
import type { JsonClient } from "./json-request.ts";

const FRESH_MS = 10 * 60_000;
const STALE_MS = 24 * 60 * 60_000;

export interface KeySetOptions {
  readonly url: URL;
  readonly refetchMs: number;
  readonly client: JsonClient;
  readonly clock: Clock;
  readonly log: Log;
}

type LocalKeys = ReturnType<typeof createLocalJWKSet>;

/** The issuer's keys cannot be had. */
export class KeysUnavailable extends Error {
  readonly code = "KEYS_UNAVAILABLE";
}

export class KeySet {
  readonly #options: KeySetOptions;
  #keys: { readonly find: LocalKeys; readonly atMs: number } | null = null;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | null = null;

  constructor(options: KeySetOptions) {
    this.#options = options;
  }

  /** As jose asks for a key. Rejects with `KeysUnavailable`, or as jose does when there is no such key. */
  readonly find = async (header: JWSHeaderParameters, token: FlattenedJWSInput) => {
    const keys = await this.#current();
    try {
      return await keys.find(header, token);
    } catch (error) {
      const isUnknown = (error as { code?: unknown }).code === "ERR_JWKS_NO_MATCHING_KEY";
      if (!isUnknown || !(await this.#refetch())) throw error;
      return (this.#keys ?? keys).find(header, token);
    }
  };

  async #current() {
    const now = this.#options.clock.now();
    if (this.#keys === null || now - this.#keys.atMs > FRESH_MS) await this.#refetch();
    if (this.#keys === null || now - this.#keys.atMs > STALE_MS)
      throw new KeysUnavailable("the issuer's keys cannot be had");
    return this.#keys;
  }

  /** Whether there are newer keys. Never rejects; those who come meanwhile share one request. */
  async #refetch(): Promise<boolean> {
    const before = this.#keys;
    const now = this.#options.clock.now();
    if (this.#asking === null && now - this.#askedAtMs < this.#options.refetchMs) return false;
    this.#asking ??= this.#fetch(now).finally(() => {
      this.#asking = null;
    });
    await this.#asking;
    return this.#keys !== before;
  }

  async #fetch(now: number): Promise<void> {
    this.#askedAtMs = now;
    const { client, url, log } = this.#options;
    try {
      // jose looks at its form, and leaves keys out that it cannot use.
      const keys = (await client.ask({ url }, null)) as JSONWebKeySet;
      this.#keys = { find: createLocalJWKSet(keys), atMs: now };
    } catch (error) {
      log.warn({ url: url.href, cause: String(error) }, "the issuer's keys cannot be had");
    }
  }
}
