/** `Submit`: the one door into the queue for every origin. */
import type { Submit } from "../contracts/submit.ts";
import { createEnvelope } from "../kernel/envelope.ts";
import { OpenDraft, type SubmitRoom } from "./draft.ts";
import { createEnvelopeIds } from "./envelope-id.ts";

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
      return new OpenDraft(room, createEnvelope({ id: nextId(), ...opening }));
    },
  };
}
