/**
 * The hooks `message` and `messageFor` over a message that is all here while nothing is promised. LMTP answers each recipient;
 * plain SMTP has one answer: refused when all refuse, else those who refuse get it set aside, never bounced. A temporary
 * refusal beside an acceptance refuses the whole: the client comes again, and nobody is set aside for a passing fault.
 */
import type { Recipient } from "../contracts/envelope.ts";
import type { Kernel } from "../contracts/kernel.ts";
import type { Refused } from "../contracts/submit.ts";
import type { Change } from "../contracts/verdicts.ts";
import type { EnvelopeState } from "../kernel/envelope.ts";
import type { StoredMessage } from "../kernel/message.ts";
import { refusedBy } from "./refusals.ts";

/** Why it is set aside, and which plugin says so. */
export interface Quarantined {
  readonly reason: string;
  readonly by: string | null;
}

export type WholeCheck =
  | { readonly at: "passed"; readonly changes: readonly Change[]; readonly quarantine: Quarantined | null }
  | { readonly at: "discarded"; readonly reason: string; readonly by: string | null }
  | Refused;

export async function checkWhole(kernel: Kernel, envelope: EnvelopeState, message: StoredMessage): Promise<WholeCheck> {
  if (!kernel.hears("message")) return { at: "passed", changes: [], quarantine: null };
  const asked = kernel.policy("message", envelope, message);
  const { verdict, by, changes } = asked instanceof Promise ? await asked : asked;
  switch (verdict.verdict) {
    case "reject":
    case "defer":
      return refusedBy(verdict, by);
    case "discard":
      return { at: "discarded", reason: verdict.reason, by };
    case "quarantine":
      return { at: "passed", changes, quarantine: { reason: verdict.reason, by } };
    default:
      return { at: "passed", changes, quarantine: null };
  }
}

/** What one recipient's chain said. */
export type PersonalCheck =
  | { readonly at: "passed" }
  | { readonly at: "discarded" }
  | ({ readonly at: "quarantined" } & Quarantined)
  | Refused;

const passed: PersonalCheck = { at: "passed" };

/** One after the other: a thousand recipients are not a thousand questions at once. */
export async function checkEach(
  kernel: Kernel,
  envelope: EnvelopeState,
  message: StoredMessage,
): Promise<ReadonlyMap<number, PersonalCheck> | null> {
  if (!kernel.hears("messageFor")) return null;
  const checks = new Map<number, PersonalCheck>();
  for (const recipient of envelope.recipients)
    checks.set(recipient.id, await checkOne(kernel, envelope, message, recipient));
  return checks;
}

async function checkOne(
  kernel: Kernel,
  envelope: EnvelopeState,
  message: StoredMessage,
  recipient: Recipient,
): Promise<PersonalCheck> {
  const asked = kernel.policy("messageFor", envelope, message, recipient);
  const { verdict, by } = asked instanceof Promise ? await asked : asked;
  switch (verdict.verdict) {
    case "reject":
    case "defer":
      return refusedBy(verdict, by);
    case "discard":
      return { at: "discarded" };
    case "quarantine":
      return { at: "quarantined", reason: verdict.reason, by };
    default:
      return passed;
  }
}
