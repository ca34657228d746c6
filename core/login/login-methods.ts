/** `LoginMethods`: what the back ends can check, kept for the offer. */
import type { LoginMethod, LoginMethods, TokenHints } from "../contracts/account.ts";

type BackEnd = Parameters<LoginMethods["register"]>[0];

export class BackEndMethods implements LoginMethods {
  readonly #backEnds: BackEnd[] = [];

  register(backEnd: BackEnd): void {
    this.#backEnds.push(backEnd);
  }

  can(method: LoginMethod): boolean {
    return this.#backEnds.some((backEnd) => backEnd.methods().includes(method));
  }

  /** Of the first one that takes tokens: the protocol has room for one. */
  get hints(): TokenHints {
    return this.#backEnds.find((backEnd) => backEnd.methods().includes("token"))?.hints ?? {};
  }
}
