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
  // RFC 5321 4.5.3.2.6
  tooLate: core(false, { text: "Checking this message took too long, try again later", code: 451, detail: "3.0" }),
  // RFC 5321 6.3
  tooManyHops: core(true, { text: "Too many hops, this message is in a loop", code: 554, detail: "4.6" }),
} as const;

export const refusedBy = (verdict: Reject | Defer, by: string | null): Refused => ({
  at: "refused",
  isPermanent: verdict.verdict === "reject",
  refusal: verdict.refusal,
  by,
});
