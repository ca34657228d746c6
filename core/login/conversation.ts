/** One SASL conversation: turns of a mechanism until there is something to check, then the answer. Ends once. */
import type { Attempt, LoginConversation, LoginStep } from "../contracts/account.ts";
import { failure } from "./failure.ts";
import type { Exchange } from "./mechanisms/mechanism.ts";

export class Conversation implements LoginConversation {
  readonly #exchange: Exchange;
  readonly #check: (attempt: Attempt) => Promise<LoginStep>;
  #isOver = false;

  constructor(exchange: Exchange, check: (attempt: Attempt) => Promise<LoginStep>) {
    this.#exchange = exchange;
    this.#check = check;
  }

  async next(response: Uint8Array | null): Promise<LoginStep> {
    if (this.#isOver) return failure("cancelled");
    const turn = this.#exchange.next(response);
    if (turn.at === "challenge") return turn;
    this.#isOver = true;
    return turn.at === "malformed" ? failure("malformed", { text: turn.text }) : this.#check(turn.attempt);
  }

  cancel(): void {
    this.#isOver = true;
  }
}
