/** The words a handler answers with. Plain values: two copies of this module are interchangeable. */
import type { Account, Identity } from "../contracts/account.ts";
import type { Target } from "../contracts/envelope.ts";
import type {
  Accept,
  Allow,
  Amend,
  Authenticated,
  Change,
  Defer,
  Discard,
  Expanded,
  Filed,
  FilingAction,
  Found,
  Proceed,
  Quarantine,
  Queued,
  Refusal,
  Rehash,
  Reject,
  Routed,
  Stored,
} from "../contracts/verdicts.ts";

export const proceed: Proceed = Object.freeze({ verdict: "proceed" });
export const allow = (reason: string): Allow => ({ verdict: "allow", reason });
export const amend = (...changes: readonly Change[]): Amend => ({ verdict: "amend", changes });
export const accept = (reason: string): Accept => ({ verdict: "accept", reason });
/** `reject("No mail on Mondays", { detail: "7.1" })`; code and detail default to what the hook calls for (550, 554, 535 ...). */
export const reject = (text: string, how: Omit<Refusal, "text"> = {}): Reject => ({
  verdict: "reject",
  refusal: { text, ...how },
});
/** As `reject`, but the client is to try again: 4xx. */
export const defer = (text: string, how: Omit<Refusal, "text"> = {}): Defer => ({
  verdict: "defer",
  refusal: { text, ...how },
});
export const discard = (reason: string): Discard => ({ verdict: "discard", reason });
export const quarantine = (reason: string): Quarantine => ({ verdict: "quarantine", reason });
export const queued = (id: string): Queued => ({ verdict: "queued", id });
/** `reversePath` replaces the sender for these targets (mailing lists, SRS); leave it out to keep it. */
export const expanded = (to: readonly Target[], how: Pick<Expanded, "reversePath" | "grantsRelay"> = {}): Expanded => ({
  verdict: "expanded",
  to,
  ...how,
});
/** `concurrencyKey` groups recipients that share a limit; the next hop, or the transport, if left out. */
export const routed = (transport: string, nextHop: string | null, concurrencyKey?: string): Routed => ({
  verdict: "routed",
  transport,
  nextHop,
  concurrencyKey: concurrencyKey ?? `${transport}:${nextHop ?? ""}`,
});
export const stored = (identity: Identity, secrets: readonly string[], rehash?: Rehash): Stored => ({
  verdict: "stored",
  identity,
  secrets,
  ...(rehash && { rehash }),
});
export const authenticated = (identity: Identity): Authenticated => ({ verdict: "authenticated", identity });
export const found = (account: Account): Found => ({ verdict: "found", account });
export const filed = (...actions: readonly [FilingAction, ...FilingAction[]]): Filed => ({ verdict: "filed", actions });
