/**
 * What is answered for a login that does not exist, or has nothing stored that fits: always the same for the same login, on every
 * worker and after a restart, so that asking twice tells nothing. Made with a secret of this server.
 */
import { createHmac } from "node:crypto";
import { type ScramHash, type ScramKeys, sizeOf } from "./passwords/scram-keys.ts";

/** As long as the salts that Dovecot and this server make. */
const SALT_BYTES = 16;

export interface FakesOptions {
  /** Of this server, at least 32 octets, the same in all workers. */
  readonly secret: Uint8Array;
  /** What completes a bare login, as directories let users leave it out. */
  readonly domain: string;
  /** Of SCRAM; should be what the directories' secrets have. */
  readonly iterations: number;
}

export class Fakes {
  readonly iterations: number;
  readonly #secret: Uint8Array;
  readonly #domain: string;

  constructor({ secret, domain, iterations }: FakesOptions) {
    this.#secret = secret;
    this.#domain = domain;
    this.iterations = iterations;
  }

  /** Also the salt of those whose password is stored in clear. */
  salt(login: string, hash: ScramHash): Uint8Array {
    return this.#draw(`salt ${hash}`, login).subarray(0, SALT_BYTES);
  }

  /** Keys that no password fits. */
  keys(login: string, hash: ScramHash): ScramKeys {
    const [storedKey, serverKey] = ["stored", "server"].map((what) => this.#draw(`${what} ${hash}`, login));
    if (!storedKey || !serverKey) throw new Error("two keys were made");
    return { storedKey: storedKey.subarray(0, sizeOf(hash)), serverKey: serverKey.subarray(0, sizeOf(hash)) };
  }

  password(login: string): string {
    return this.#draw("password", login).toString("base64");
  }

  /** 16 bits that are the same for the same login and password: see `AuthFailure`. */
  sameness(login: string, password: string): string {
    return this.#draw("same", `${spelt(login)}\0${password}`, "exact")
      .subarray(0, 2)
      .toString("hex");
  }

  #draw(what: string, of: string, how: "login" | "exact" = "login"): Buffer {
    const login = spelt(of);
    const whole = how === "exact" ? of : login.includes("@") ? login : `${login}@${this.#domain}`;
    return createHmac("sha256", this.#secret).update(`${what}\0${whole}`).digest();
  }
}

/** Directories compare logins without regard to case. */
const spelt = (login: string): string => login.normalize("NFC").toLowerCase();
