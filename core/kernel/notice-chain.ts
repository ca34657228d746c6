/** Notice: all are told, side by side; failures are logged and change nothing. */
import type { NoticeHooks } from "../contracts/hooks.ts";
import { Audience } from "./chain.ts";
import { ask } from "./guard.ts";
import { hookTable } from "./hook-table.ts";
import { parallel } from "./hooks.ts";
import type { Tap } from "./tap.ts";

export class NoticeChain {
  readonly #audience: Audience;
  readonly #parallel;
  readonly #underWay = new Set<Promise<unknown>>();
  #isEmpty = true;

  constructor(hook: keyof NoticeHooks) {
    this.#audience = new Audience(hookTable[hook]);
    this.#parallel = parallel<readonly unknown[]>(hook);
  }

  add(tap: Tap): void {
    this.#isEmpty = false;
    this.#audience.admit(tap);
    this.#parallel.add(tap.entry.id, (args, next) => {
      const told = this.#audience.includes(tap, args) ? ask(tap, args) : null;
      if (told instanceof Promise) {
        this.#underWay.add(told);
        told.then(() => {
          this.#underWay.delete(told);
          next();
        });
      } else {
        next();
      }
    });
  }

  tell(args: readonly unknown[]): void {
    if (!this.#isEmpty) this.#parallel.run(args, () => {});
  }

  /** Resolves when all handlers that were told so far have ended or had their time. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }
}
