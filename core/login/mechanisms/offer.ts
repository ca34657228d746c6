/**
 * Which mechanisms a session is offered, strongest first. SCRAM and tokens only where a back end says that it can check them, or
 * where the administrator lists them: clients prefer them to passwords, and would fail where nobody can.
 */
import type { LoginMethod } from "../../contracts/account.ts";
import type { Session } from "../../contracts/session.ts";
import { isConfidential } from "../transport.ts";
import { cramMd5 } from "./cram-md5.ts";
import { external } from "./external.ts";
import { login } from "./login.ts";
import type { Mechanism } from "./mechanism.ts";
import { oauthBearer, xoauth2 } from "./oauth.ts";
import { plain } from "./plain.ts";
import { scramMechanisms } from "./scram.ts";

const all: readonly Mechanism[] = [...scramMechanisms, external, oauthBearer, xoauth2, plain, login, cramMd5];

export interface OfferOptions {
  /** `null`: those that back ends can check. */
  readonly mechanisms: readonly string[] | null;
  readonly cramMd5: boolean;
}

export class Offer {
  readonly #isListed: boolean;
  readonly #allowed: readonly Mechanism[];
  readonly #can: (method: LoginMethod) => boolean;
  /** IMAP LOGIN and POP3 PASS are PLAIN by another name. */
  readonly takesPasswords: boolean;

  constructor({ mechanisms, cramMd5: hasCramMd5 }: OfferOptions, can: (method: LoginMethod) => boolean) {
    this.#isListed = mechanisms !== null;
    this.#allowed = all.filter(({ name }) =>
      name === cramMd5.name ? hasCramMd5 : mechanisms === null || mechanisms.includes(name),
    );
    this.#can = can;
    this.takesPasswords = this.#allowed.some(({ name }) => name === plain.name || name === login.name);
  }

  /** None where what the client sends could be read, or the list be changed, on its way. */
  to(session: Session): readonly Mechanism[] {
    if (!isConfidential(session)) return [];
    return this.#allowed.filter((mechanism) => this.#isPossible(mechanism, session));
  }

  #isPossible({ method, name, fits }: Mechanism, session: Session): boolean {
    if (method !== null && !this.#isListed && !this.#can(method)) return false;
    if (name === external.name && session.tls?.isClientVerified !== true && !this.#can("certificate")) return false;
    return fits === undefined || fits(session);
  }
}
