/**
 * Policy: asked in order until one refuses; the first refusal ends. `allow` ends without objection. `amend` goes on with its
 * changes, whose labels are set at once. `discard` and `quarantine` are remembered while later plugins still run: the
 * gravest wins (reject, defer, quarantine, discard).
 */
import type { PolicyHooks } from "../contracts/hooks.ts";
import type { PolicyResult } from "../contracts/kernel.ts";
import type { Amend, Change } from "../contracts/verdicts.ts";
import { Audience, ending } from "./chain.ts";
import { ask } from "./guard.ts";
import { hookTable } from "./hook-table.ts";
import { type Next, series } from "./hooks.ts";
import { setAtOnce } from "./labels.ts";
import type { Tap } from "./tap.ts";
import type { Verdict } from "./verdict-check.ts";
import { proceed } from "./verdicts.ts";

const nothing: readonly Change[] = Object.freeze([]);
const nobodyObjects: PolicyResult = Object.freeze({ verdict: proceed, by: null, changes: nothing });

interface Asking {
  readonly args: readonly unknown[];
  verdict: PolicyResult["verdict"];
  by: string | null;
  changes: Change[] | null;
}

export class PolicyChain {
  readonly #audience: Audience;
  readonly #series;
  #isEmpty = true;

  constructor(hook: keyof PolicyHooks) {
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

  ask(args: readonly unknown[]): PolicyResult | Promise<PolicyResult> {
    if (this.#isEmpty) return nobodyObjects;
    const asking: Asking = { args, verdict: proceed, by: null, changes: null };
    return ending(
      (ended) => this.#series.run(asking, ended),
      () => resultOf(asking),
    );
  }
}

function resultOf({ verdict, by, changes }: Asking): PolicyResult {
  return by === null && changes === null ? nobodyObjects : { verdict, by, changes: changes ?? nothing };
}

function take(tap: Tap, asking: Asking, verdict: Verdict, next: Next): void {
  switch (verdict.verdict) {
    case "amend":
      amend(tap, asking, verdict);
      next();
      return;
    case "discard":
    case "quarantine":
      if (gravity[verdict.verdict] > gravity[asking.verdict.verdict]) decide(tap, asking, verdict);
      next();
      return;
    case "allow":
      // What was remembered is graver than "no objection".
      if (asking.verdict.verdict === "proceed") decide(tap, asking, verdict);
      next(null, true);
      return;
    case "reject":
    case "defer":
      decide(tap, asking, verdict);
      next(null, true);
      return;
    default:
      next();
  }
}

const gravity = { proceed: 0, allow: 0, discard: 1, quarantine: 2, defer: 3, reject: 4 } as const;

function decide(tap: Tap, asking: Asking, verdict: PolicyResult["verdict"]): void {
  asking.verdict = verdict;
  asking.by = tap.entry.id;
}

function amend(tap: Tap, asking: Asking, { changes }: Amend): void {
  asking.changes ??= [];
  asking.changes.push(...changes);
  setAtOnce(asking.args, changes, tap.entry.id);
}
