/** One SASL conversation: challenges of a mechanism until it ends, then the answer. Ends once. Never throws. */
import type { Identity, LoginConversation, LoginStep } from "../contracts/account.ts";
import { type Failure, failure } from "./failure.ts";
import type { Exchange, Identified } from "./mechanisms/mechanism.ts";

export interface Endings {
  succeed(identified: Identified): Promise<Identity>;
  /** The mechanism has thrown. */
  fault(error: unknown): Failure;
}

export class Conversation implements LoginConversation {
  readonly #exchange: Exchange;
  readonly #endings: Endings;
  #isOver = false;

  constructor(exchange: Exchange, endings: Endings) {
    this.#exchange = exchange;
    this.#endings = endings;
  }

  /** `null`: begins, with what the mechanism was given. */
  async next(response: Uint8Array | null): Promise<LoginStep> {
    if (this.#isOver) return failure("cancelled");
    try {
      const turn = await (response === null ? this.#exchange.next() : this.#exchange.next(response));
      if (this.#isOver) return failure("cancelled");
      if (!turn.done) return { at: "challenge", data: turn.value };
      this.#isOver = true;
      if (turn.value.at === "failure") return turn.value;
      return { at: "success", identity: await this.#endings.succeed(turn.value) };
    } catch (error) {
      this.#isOver = true;
      return this.#endings.fault(error);
    }
  }

  cancel(): void {
    this.#isOver = true;
  }
}
