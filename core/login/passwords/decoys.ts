/**
 * Secrets to check when there is none: an unknown login has to take as long as a wrong password. A decoy costs what the
 * secrets cost that this server has met, and the same login always gets the same one while those kinds do not change.
 */
import { createHmac, randomBytes } from "node:crypto";
import { parseSecret } from "./scheme.ts";
import { schemeNamed } from "./table.ts";

/** Kinds of secrets (scheme and cost) that are remembered. */
const KIND_LIMIT = 16;

export class Decoys {
  readonly #key: Uint8Array;
  readonly #kinds = new Map<string, string>();
  readonly #first = madeUp();

  /** `key`: of this server, so that all workers draw alike once they have met the same kinds. */
  constructor(key: Uint8Array = randomBytes(32)) {
    this.#key = key;
  }

  /** Remembers what kind of secret this directory keeps. */
  learn(secret: string): void {
    const stored = parseSecret(secret);
    const scheme = stored && schemeNamed(stored.scheme);
    if (!stored || !scheme) return;
    const kind = `${stored.scheme}:${scheme.cost(stored)}`;
    if (!this.#kinds.has(kind) && this.#kinds.size < KIND_LIMIT) this.#kinds.set(kind, secret);
  }

  /** A secret that no password of this login is meant to fit: what comes of checking it must be thrown away. */
  for(login: string): string {
    const secrets = [...this.#kinds.keys()].sort().map((kind) => this.#kinds.get(kind));
    const draw = createHmac("sha256", this.#key).update(login).digest().readUInt32BE(0);
    return secrets[draw % Math.max(1, secrets.length)] ?? this.#first;
  }
}

/** Looks like what this server makes for new accounts; nobody knows a password for it. */
function madeUp(): string {
  const base64 = (bytes: number) => randomBytes(bytes).toString("base64").replaceAll("=", "");
  return `{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$${base64(16)}$${base64(32)}`;
}
