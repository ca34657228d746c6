/** Labels and a new sender of an `amend` answer, set at once so that the next plugin sees them; and who it is that holds a message. */
import { HELD_BY_LABEL } from "../contracts/envelope.ts";
import type { Change } from "../contracts/verdicts.ts";
import { EnvelopeState } from "./envelope.ts";

/** Sets those among the changes on the envelope among a hook's arguments. `by`: whose they are. */
export function setAtOnce(args: readonly unknown[], changes: readonly Change[], by: string): void {
  const envelope = args[0];
  if (!(envelope instanceof EnvelopeState)) return;
  for (const change of changes) {
    if (change.op === "label") envelope.setLabel(change.label, change.value);
    else if (change.op === "reversePath") envelope.reversePath = change.address;
    else if (change.op === "hold" || change.op === "quarantine") noteHolder(envelope, change.reason, by);
  }
}

/** For `postern queue`: who holds it. The reason tells this hold from later ones, an administrator's for instance. */
export const noteHolder = (envelope: EnvelopeState, reason: string, by: string): void =>
  envelope.setLabel(HELD_BY_LABEL, { by, reason });
