/**
 * Share: a delivery is offered in order; each plugin settles what it wants, the rest goes on. Handlers are never raced. After a
 * fault nobody knows what the handler had done, so the rest is not offered to anybody else: it is settled as deferred.
 */
import type { Delivery, Outcome } from "../contracts/delivery.ts";
import { Audience } from "./chain.ts";
import { causeText, faultAnswer, isFault } from "./fault.ts";
import { ask } from "./guard.ts";
import { hookTable } from "./hook-table.ts";
import { type Next, series } from "./hooks.ts";
import type { Tap } from "./tap.ts";
import type { Verdict } from "./verdict-check.ts";

interface Asking {
  readonly args: readonly [Delivery];
  readonly offered: ((by: string) => void) | undefined;
}

export class ShareChain {
  readonly #audience = new Audience(hookTable.deliver);
  readonly #series = series<Asking>("deliver");

  add(tap: Tap): void {
    this.#audience.admit(tap);
    this.#series.add(tap.entry.id, ({ args, offered }, next) => {
      const [delivery] = args;
      if (delivery.recipients.length === 0) {
        next(null, true);
        return;
      }
      if (!this.#audience.includes(tap, args)) {
        next();
        return;
      }
      offered?.(tap.entry.id);
      const verdict = ask(tap, args);
      if (verdict instanceof Promise) verdict.then((later) => take(tap, delivery, later, next));
      else take(tap, delivery, verdict, next);
    });
  }

  /** Resolves when the last handler has ended. */
  offer(delivery: Delivery, offered?: (by: string) => void): Promise<void> {
    return new Promise((resolve) => this.#series.run({ args: [delivery], offered }, resolve));
  }
}

function take(tap: Tap, delivery: Delivery, verdict: Verdict, next: Next): void {
  if (!isFault("deliver", verdict)) {
    next();
    return;
  }
  deferRest(tap, delivery).then(() => next(null, true));
}

async function deferRest(tap: Tap, delivery: Delivery): Promise<void> {
  const { code, detail, text } = faultAnswer("deliver").refusal;
  const reply = { code: code ?? 451, status: `4.${detail ?? "3.0"}`, text, host: null };
  const outcome: Outcome = { at: "deferred", reply };
  for (const recipient of [...delivery.recipients]) {
    try {
      await delivery.settle(recipient, outcome);
    } catch (cause) {
      // What is not settled is deferred by the queue all the same.
      tap.log.error(
        { hook: "deliver", id: delivery.envelope.id, cause: causeText(cause) },
        "cannot settle as deferred",
      );
    }
  }
}
