/**
 * SCRAM-SHA-256 and SCRAM-SHA-1 (RFC 5802, RFC 7677), with channel binding where TLS 1.3 gives it (RFC 9266): the password is not sent, and
 * the host shows that it knows it, too.
 */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { Exchange, Mechanism, MechanismContext } from "./mechanism.ts";

const derive = promisify(pbkdf2);

type Hash = "sha256" | "sha1";

// A host may not keep us busy: more than anybody asks for, and fewer than RFC 7677 4 wants is no reason to refuse.
const ITERATIONS_LIMIT = 1_000_000;
const sizes: Readonly<Record<Hash, number>> = { sha256: 32, sha1: 20 };

function scram(name: string, hash: Hash, isPlus: boolean): Mechanism {
  return { name, secret: "password", begin: (context) => new ScramExchange(name, hash, isPlus, context) };
}

export const scramMechanisms: readonly Mechanism[] = [
  scram("SCRAM-SHA-256-PLUS", "sha256", true),
  scram("SCRAM-SHA-256", "sha256", false),
  scram("SCRAM-SHA-1-PLUS", "sha1", true),
  scram("SCRAM-SHA-1", "sha1", false),
];

class ScramExchange implements Exchange {
  readonly #hash: Hash;
  readonly #secret: string;
  readonly #binding: Buffer;
  readonly #bare: string;
  readonly #nonce = randomBytes(18).toString("base64");
  #signature: Buffer | null = null;
  isComplete = false;

  constructor(name: string, hash: Hash, isPlus: boolean, { username, secret, exporter, offered }: MechanismContext) {
    this.#hash = hash;
    this.#secret = secret.normalize("NFKC"); // RFC 4013 2.2; the rest of SASLprep changes no password that people have
    // RFC 5802 6: "y" tells the host that we could have, so that whoever took its offer away is found out
    const couldBind = exporter !== null && !offered.includes(`${name}-PLUS`);
    const flag = isPlus ? "p=tls-exporter" : couldBind ? "y" : "n";
    this.#binding = Buffer.concat([Buffer.from(`${flag},,`), isPlus ? (exporter ?? Buffer.alloc(0)) : Buffer.alloc(0)]);
    this.#bare = `n=${username.normalize("NFKC").replaceAll("=", "=3D").replaceAll(",", "=2C")},r=${this.#nonce}`;
    this.initial = Buffer.from(`${flag},,${this.#bare}`);
  }

  readonly initial: Uint8Array;

  answer(challenge: Buffer): Uint8Array | Promise<Uint8Array> {
    return this.#signature === null ? this.#final(challenge.toString()) : this.#checked(challenge.toString());
  }

  async #final(first: string): Promise<Uint8Array> {
    const [, nonce = "", salt = "", count = ""] = /^r=([^,]+),s=([A-Za-z0-9+/=]+),i=(\d{1,9})(?:,|$)/.exec(first) ?? [];
    const iterations = Number(count);
    if (!nonce.startsWith(this.#nonce) || nonce === this.#nonce) throw new Error("SCRAM: the host has another nonce");
    if (iterations < 1 || iterations > ITERATIONS_LIMIT) throw new Error(`SCRAM: ${iterations} iterations`);
    const hmac = (key: Uint8Array, text: string) => createHmac(this.#hash, key).update(text).digest();
    // RFC 5802 3
    const salted = await derive(this.#secret, Buffer.from(salt, "base64"), iterations, sizes[this.#hash], this.#hash);
    const clientKey = hmac(salted, "Client Key");
    const storedKey = createHash(this.#hash).update(clientKey).digest();
    const withoutProof = `c=${this.#binding.toString("base64")},r=${nonce}`;
    const proven = `${this.#bare},${first},${withoutProof}`;
    const signature = hmac(storedKey, proven);
    const proof = Buffer.from(clientKey.map((octet, at) => octet ^ (signature[at] ?? 0)));
    this.#signature = hmac(hmac(salted, "Server Key"), proven);
    return Buffer.from(`${withoutProof},p=${proof.toString("base64")}`);
  }

  #checked(last: string): Uint8Array {
    const given = Buffer.from(/^v=([A-Za-z0-9+/=]+)/.exec(last)?.[1] ?? "", "base64");
    const expected = this.#signature ?? Buffer.alloc(0);
    if (given.length !== expected.length || !timingSafeEqual(given, expected))
      throw new Error("SCRAM: the host does not know the password");
    this.isComplete = true;
    return Buffer.alloc(0);
  }
}
