/** What mail to `postmaster` is not exempt from: RFC 5321 4.5.1 lets a server guard itself by limits of rate, and by TLS. */
import type { Refusal } from "../contracts/verdicts.ts";

const RATE_CODES: ReadonlySet<number> = new Set([421, 452]);
const RATE_DETAILS: ReadonlySet<string> = new Set(["3.2", "4.5", "5.3", "7.28"]);
const TLS_CODES: ReadonlySet<number> = new Set([523, 530, 538]);
const TLS_DETAILS: ReadonlySet<string> = new Set(["7.10", "7.11"]);

export function holdsForPostmaster({ isPermanent, refusal }: { isPermanent: boolean; refusal: Refusal }): boolean {
  const { code = 0, detail = "" } = refusal;
  if (TLS_CODES.has(code) || TLS_DETAILS.has(detail)) return true;
  return !isPermanent && (RATE_CODES.has(code) || RATE_DETAILS.has(detail));
}
