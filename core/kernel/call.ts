/** What a handler gets as its last argument. The signal is made when somebody looks at it, so that nobody else pays for it. */
import type { Call } from "../contracts/hooks.ts";

export class HandlerCall implements Call {
  #controller: AbortController | null = null;
  #isTimedOut = false;

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#isTimedOut) this.#controller.abort(timeOut());
    }
    return this.#controller.signal;
  }

  /** The handler has had its time: fires the signal, also for whoever looks at it from now on. */
  timeOut(): void {
    this.#isTimedOut = true;
    this.#controller?.abort(timeOut());
  }
}

const timeOut = () => new DOMException("the handler has had its time", "TimeoutError");
