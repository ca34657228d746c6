/**
 * The client's side of SCRAM (RFC 5802 3, 5.1, RFC 7677), written from the text of the RFCs with nothing of the server's: it says
 * the messages and checks the server's signature.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";

export interface ScramClientOptions {
  readonly hash: "sha1" | "sha256";
  readonly login: string;
  readonly password: string;
  readonly authzid?: string;
  /** Default: `n`. With `p=type`, `data` is what the channel gives. */
  readonly binding?: { readonly flag: string; readonly data?: Uint8Array };
  readonly nonce?: string;
}

export class ScramClient {
  readonly #options: ScramClientOptions;
  readonly #header: string;
  readonly #bare: string;
  readonly nonce: string;
  #signature = "";

  constructor(options: ScramClientOptions) {
    this.#options = options;
    const name = (text: string) => text.replaceAll("=", "=3D").replaceAll(",", "=2C");
    this.nonce = options.nonce ?? randomBytes(18).toString("base64");
    this.#header = `${options.binding?.flag ?? "n"},${options.authzid === undefined ? "" : `a=${name(options.authzid)}`},`;
    this.#bare = `n=${name(options.login)},r=${this.nonce}`;
  }

  first(): Buffer {
    return Buffer.from(this.#header + this.#bare);
  }

  final(challenge: Uint8Array): Buffer {
    const serverFirst = Buffer.from(challenge).toString();
    const [, nonce = "", salt = "", iterations = ""] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst) ?? [];
    if (!nonce.startsWith(this.nonce) || nonce === this.nonce) throw new Error(`not our nonce: ${serverFirst}`);
    const { hash, password, binding } = this.#options;
    const hmac = (key: Uint8Array, text: string) => createHmac(hash, key).update(text).digest();
    const size = hash === "sha1" ? 20 : 32;
    const salted = pbkdf2Sync(password, Buffer.from(salt, "base64"), Number(iterations), size, hash);
    const clientKey = hmac(salted, "Client Key");
    const storedKey = createHash(hash).update(clientKey).digest();
    const bound = Buffer.concat([Buffer.from(this.#header), binding?.data ?? Buffer.alloc(0)]);
    const withoutProof = `c=${bound.toString("base64")},r=${nonce}`;
    const authMessage = `${this.#bare},${serverFirst},${withoutProof}`;
    const clientSignature = hmac(storedKey, authMessage);
    const proof = Buffer.from(clientKey.map((octet, at) => octet ^ (clientSignature[at] ?? 0)));
    this.#signature = hmac(hmac(salted, "Server Key"), authMessage).toString("base64");
    return Buffer.from(`${withoutProof},p=${proof.toString("base64")}`);
  }

  /** Whether the server has shown that it knows the password, too. */
  isServerGenuine(serverFinal: Uint8Array): boolean {
    return Buffer.from(serverFinal).toString() === `v=${this.#signature}`;
  }
}
