/**
 * A policy server and the connections to it: used again while they are good, never more than a bound, and nobody waits in a line
 * without end. Rejects with `PolicyFault` when there is no answer in time.
 */
import { Link, PolicyFault } from "./link.ts";
import type { ServerAddress } from "./server-address.ts";

export interface PolicyServerOptions {
  readonly address: ServerAddress;
  readonly connections: number;
  /** For a whole question: waiting for a connection, asking, asking again. */
  readonly timeoutMs: number;
  readonly idleMs: number;
}

const WAITING_PER_CONNECTION = 50;
// smtpd_policy_service_request_limit is none in Postfix; servers that leak are common enough for a bound.
const QUESTIONS_PER_CONNECTION = 1_000;

export class PolicyServer {
  readonly #options: PolicyServerOptions;
  readonly #links = new Set<Link>();
  readonly #idle: Link[] = [];
  readonly #waiting = new Set<() => void>();
  #isClosed = false;

  constructor(options: PolicyServerOptions) {
    this.#options = options;
  }

  /** Answers the text behind `action=`. */
  async ask(question: string, caller: AbortSignal): Promise<string> {
    const { timeoutMs } = this.#options;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeoutMs);
    const abort = () => late.abort();
    caller.addEventListener("abort", abort, { once: true });
    if (caller.aborted) abort();
    try {
      return await this.#askAgain(question, late.signal);
    } finally {
      clearTimeout(timer);
      caller.removeEventListener("abort", abort);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const link of [...this.#links]) link.close();
    for (const wake of [...this.#waiting]) wake();
  }

  /** A server closes idle connections whenever it likes: the first question that meets that is asked anew. */
  async #askAgain(question: string, signal: AbortSignal): Promise<string> {
    for (;;) {
      const link = await this.#take(signal);
      const isFresh = link.answered === 0;
      try {
        const action = await link.ask(question, signal);
        this.#giveBack(link);
        return action;
      } catch (fault) {
        const mayRepeat = fault instanceof PolicyFault && fault.isUnanswered && !isFresh && !signal.aborted;
        if (!mayRepeat) throw fault;
      }
    }
  }

  async #take(signal: AbortSignal): Promise<Link> {
    for (;;) {
      if (this.#isClosed) throw new PolicyFault("the server is shutting down", true);
      if (signal.aborted) throw new PolicyFault("no connection was free in time", true);
      const idle = this.#idle.pop();
      if (idle) return idle;
      if (this.#links.size < this.#options.connections) return this.#open();
      if (this.#waiting.size >= this.#options.connections * WAITING_PER_CONNECTION)
        throw new PolicyFault("too many questions wait for it", true);
      await this.#turn(signal);
    }
  }

  #open(): Link {
    const link: Link = new Link(this.#options.address, this.#options.idleMs, () => {
      this.#links.delete(link);
      const at = this.#idle.indexOf(link);
      if (at >= 0) this.#idle.splice(at, 1);
      this.#wakeOne();
    });
    this.#links.add(link);
    return link;
  }

  #giveBack(link: Link): void {
    if (link.answered >= QUESTIONS_PER_CONNECTION) {
      link.close();
      return;
    }
    this.#idle.push(link);
    this.#wakeOne();
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  #wakeOne(): void {
    const [first] = this.#waiting;
    first?.();
  }
}
