/**
 * TLS sessions to be resumed, with what was found out about the certificate when they began. Each is given out once (RFC 8446 C.4), and only
 * under the key that it was kept under. Bounded in number and age.
 */
import type { Clock } from "../contracts/clock.ts";
import type { Judgement } from "./certificate-judgement.ts";

export interface KeptSession {
  readonly session: Buffer;
  readonly judgement: Judgement;
  /** When the certificate was looked at: a session that begins with a resumed one is no younger. */
  readonly judgedAtMs: number;
}

const SESSIONS_LIMIT = 1_000;
/** A certificate that was good is looked at again after this time. */
const AGE_LIMIT_MS = 30 * 60_000;

export class TlsSessions {
  readonly #clock: Clock;
  readonly #sessions = new Map<string, KeptSession>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get now(): number {
    return this.#clock.now();
  }

  take(key: string): KeptSession | null {
    const kept = this.#sessions.get(key);
    if (kept === undefined) return null;
    this.#sessions.delete(key);
    return this.#clock.now() < kept.judgedAtMs + AGE_LIMIT_MS ? kept : null;
  }

  keep(key: string, kept: KeptSession): void {
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= SESSIONS_LIMIT && oldest !== undefined) this.#sessions.delete(oldest);
    this.#sessions.delete(key);
    this.#sessions.set(key, kept);
  }
}
