/** `Submit`: the one door into the queue for every origin. */
import { REINJECTED_LABEL } from "../contracts/envelope.ts";
import type { Submit } from "../contracts/submit.ts";
import { wholeAddress } from "../kernel/addresses.ts";
import { createEnvelope } from "../kernel/envelope.ts";
import type { Address } from "../mail/address.ts";
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
    hasRoomFor: (sizeBytes) => room.spool.hasRoomFor?.(sizeBytes) ?? true,
    open(opening) {
      const reversePath = qualified(opening.reversePath, room.facts.origin);
      const login = opening.session?.identity?.login;
      const id = nextId(login ?? reversePath?.toString().toLowerCase() ?? "");
      const envelope = createEnvelope({ id, ...opening, reversePath });
      if (isReinjected(envelope)) envelope.setLabel(REINJECTED_LABEL, true);
      return new OpenDraft(room, envelope, opening.repliesEach === true || opening.origin === "lmtp");
    },
  };
}

/** RFC 6409 4.2: a bare name is one of this server's. */
const qualified = (address: Address | null, origin: string): Address | null =>
  address === null || address.domain !== "" ? address : wholeAddress({ localPart: address.localPart, domain: origin });
