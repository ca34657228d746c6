/**
 * Refusals that wait for the first RCPT (`delayReject`), so that the log has the recipient and a user can still
 * authenticate. Those given `unlessAuthenticated` lapse with AUTH. Postmaster is exempt but for rate and TLS.
 */

import type { Defer, Reject } from "../contracts/verdicts.ts";
import { holdsForPostmaster } from "../kernel/postmaster.ts";
import type { RefusingHook, Stopped } from "./verdict-reply.ts";

export interface StandingRefusal extends Stopped {
  readonly hook: RefusingHook;
  /** The plugin. */
  readonly by: string | null;
}

export const standing = (hook: RefusingHook, verdict: Reject | Defer, by: string | null): StandingRefusal => ({
  hook,
  isPermanent: verdict.verdict === "reject",
  refusal: verdict.refusal,
  by,
});

export class StandingRefusals {
  readonly #byHook = new Map<RefusingHook, StandingRefusal>();

  /** The last word of each hook counts: a second EHLO is judged anew. */
  set(refusal: StandingRefusal): void {
    this.#byHook.set(refusal.hook, refusal);
  }

  forget(hook: RefusingHook): void {
    if (this.#byHook.size > 0) this.#byHook.delete(hook);
  }

  forgetAll(): void {
    this.#byHook.clear();
  }

  /** The first that stands for this recipient. */
  first(asked: { readonly isAuthenticated: boolean; readonly isPostmaster: boolean }): StandingRefusal | null {
    if (this.#byHook.size === 0) return null;
    for (const refusal of this.#byHook.values()) {
      if (asked.isAuthenticated && refusal.refusal.unlessAuthenticated === true) continue;
      if (asked.isPostmaster && refusal.hook !== "tls" && !holdsForPostmaster(refusal)) continue;
      return refusal;
    }
    return null;
  }
}
