/** Labels of an `amend` answer, set at once so that the next plugin sees them. */
import type { Change } from "../contracts/verdicts.ts";
import { EnvelopeState } from "./envelope.ts";

/** Sets the labels among the changes on the envelope among a hook's arguments. */
export function setLabels(args: readonly unknown[], changes: readonly Change[]): void {
  const envelope = args[0];
  if (!(envelope instanceof EnvelopeState)) return;
  for (const change of changes) if (change.op === "label") envelope.setLabel(change.label, change.value);
}
