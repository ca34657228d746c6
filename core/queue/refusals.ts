/** The refusals that core itself gives, and how a verdict becomes one. Texts are for clients: no cause, no path, no host. */
import type { Refused } from "../contracts/submit.ts";
import type { Defer, Refusal, Reject } from "../contracts/verdicts.ts";

const core = (isPermanent: boolean, refusal: Refusal): Refused => ({ at: "refused", isPermanent, refusal, by: null });

export const refusals = {
  userUnknown: core(true, { text: "User unknown", code: 550, detail: "1.1" }),
  relayDenied: core(true, { text: "Relay access denied", code: 550, detail: "7.1" }),
  unavailable: core(false, { text: "Temporary failure, try again later", code: 451, detail: "3.0" }),
  tooManyTargets: core(false, { text: "Address expands to too many recipients", code: 451, detail: "4.6" }),
  // RFC 5321 4.5.3.1.10
  tooManyRecipients: core(false, { text: "Too many recipients", code: 452, detail: "5.3" }),
  spoolFull: core(false, { text: "Insufficient system storage", code: 452, detail: "3.1" }),
  noRecipients: core(true, { text: "No valid recipients", code: 554, detail: "5.1" }),
  // RFC 5321 6.3
  tooManyHops: core(true, { text: "Too many hops, this message is in a loop", code: 554, detail: "4.6" }),
} as const;

export const refusedBy = (verdict: Reject | Defer, by: string | null): Refused => ({
  at: "refused",
  isPermanent: verdict.verdict === "reject",
  refusal: verdict.refusal,
  by,
});

const RATE_CODES = new Set([421, 452]);
const RATE_DETAILS = new Set(["3.2", "4.5", "5.3", "7.28"]);
const TLS_CODES = new Set([523, 530, 538]);
const TLS_DETAILS = new Set(["7.10", "7.11"]);

/** What `postmaster` is not exempt from (RFC 5321 4.5.1 lets a server guard itself): limits of rate, and TLS. */
export function holdsForPostmaster({ isPermanent, refusal }: Refused): boolean {
  if (refusal.detail !== undefined && TLS_DETAILS.has(refusal.detail)) return true;
  if (refusal.code !== undefined && TLS_CODES.has(refusal.code)) return true;
  if (isPermanent) return false;
  return (
    (refusal.detail !== undefined && RATE_DETAILS.has(refusal.detail)) ||
    (refusal.code !== undefined && RATE_CODES.has(refusal.code))
  );
}
