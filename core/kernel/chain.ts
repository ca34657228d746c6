/** What the chains of all kinds share: who is on them, and waiting for their end only when there is something to wait for. */
import type { Session } from "../contracts/session.ts";
import { isAsked, sessionFinder, type Tap } from "./tap.ts";

/** Runs a chain. Its result is given at once if all steps answered at once. */
export function ending<R>(run: (ended: () => void) => void, result: () => R): R | Promise<R> {
  let hasEnded = false;
  let resolve: ((result: R) => void) | null = null;
  run(() => {
    hasEnded = true;
    resolve?.(result());
  });
  if (hasEnded) return result();
  return new Promise((settle) => {
    resolve = settle;
  });
}

/** Finds the session of a call only if some entry on the chain is particular about it. */
export class Audience {
  readonly #find: (args: readonly unknown[]) => Session | null;
  #isParticular = false;

  constructor(row: Tap["row"]) {
    this.#find = sessionFinder(row);
  }

  admit(tap: Tap): void {
    if (tap.entry.when !== null) this.#isParticular = true;
  }

  includes(tap: Tap, args: readonly unknown[]): boolean {
    return !this.#isParticular || tap.entry.when === null || isAsked(tap, this.#find(args));
  }
}
