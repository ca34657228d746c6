/** Claim: asked in order until one says "mine" or refuses. A fault ends the chain as well: never "nobody". */
import type { ClaimHooks } from "../contracts/hooks.ts";
import { Audience, ending } from "./chain.ts";
import { ask } from "./guard.ts";
import { hookTable } from "./hook-table.ts";
import { type Next, series } from "./hooks.ts";
import type { Tap } from "./tap.ts";
import type { Verdict } from "./verdict-check.ts";
import { proceed } from "./verdicts.ts";

interface Asking {
  readonly args: readonly unknown[];
  claimed: Claimed;
}

interface Claimed {
  readonly verdict: Verdict | null;
  readonly by: string | null;
}

const unclaimed: Claimed = Object.freeze({ verdict: null, by: null });

export class ClaimChain {
  readonly #audience: Audience;
  readonly #series;
  #isEmpty = true;

  constructor(hook: keyof ClaimHooks) {
    this.#audience = new Audience(hookTable[hook]);
    this.#series = series<Asking>(hook);
  }

  add(tap: Tap): void {
    this.#isEmpty = false;
    this.#audience.admit(tap);
    this.#series.add(tap.entry.id, (asking, next) => {
      if (!this.#audience.includes(tap, asking.args)) {
        next();
        return;
      }
      const verdict = ask(tap, asking.args);
      if (verdict === proceed) next();
      else if (verdict instanceof Promise) verdict.then((later) => take(tap, asking, later, next));
      else take(tap, asking, verdict, next);
    });
  }

  ask(args: readonly unknown[]): Claimed | Promise<Claimed> {
    if (this.#isEmpty) return unclaimed;
    const asking: Asking = { args, claimed: unclaimed };
    return ending(
      (ended) => this.#series.run(asking, ended),
      () => asking.claimed,
    );
  }
}

function take(tap: Tap, asking: Asking, verdict: Verdict, next: Next): void {
  if (verdict.verdict === "proceed") {
    next();
    return;
  }
  asking.claimed = { verdict, by: tap.entry.id };
  next(null, true);
}
