/** Labels and a new sender of an `amend` answer, set at once so that the next plugin sees them. */
import type { Change } from "../contracts/verdicts.ts";
import { EnvelopeState } from "./envelope.ts";

/** Sets those among the changes on the envelope among a hook's arguments. */
export function setAtOnce(args: readonly unknown[], changes: readonly Change[]): void {
  const envelope = args[0];
  if (!(envelope instanceof EnvelopeState)) return;
  for (const change of changes) {
    if (change.op === "label") envelope.setLabel(change.label, change.value);
    else if (change.op === "reversePath") envelope.reversePath = change.address;
  }
}
