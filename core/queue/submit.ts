/** `Submit`: the one door into the queue for every origin. */
import { REINJECTED_LABEL } from "../contracts/envelope.ts";
import type { Submit } from "../contracts/submit.ts";
import { createEnvelope } from "../kernel/envelope.ts";
import { OpenDraft, type SubmitRoom } from "./draft.ts";
import { createEnvelopeIds } from "./envelope-id.ts";
import { isReinjected } from "./origin-table.ts";

export type { SubmitRoom } from "./draft.ts";

export function createSubmit(
  room: SubmitRoom & {
    /** Number of this worker, unique among those that run at the same time. */
    readonly worker: number;
  },
): Submit {
  const nextId = createEnvelopeIds(room);
  return {
    open(opening) {
      const envelope = createEnvelope({ id: nextId(), ...opening });
      if (isReinjected(envelope)) envelope.setLabel(REINJECTED_LABEL, true);
      return new OpenDraft(room, envelope, opening.repliesEach === true || opening.origin === "lmtp");
    },
  };
}
