/** Overviews of many messages, one after the other, in slices. Messages that are gone are left out. */
import type { MessageOverview } from "postern/mail";
import type { Mailbox } from "postern/plugin";
import type { Pace } from "../pace.ts";
import { isStoreError } from "../reply.ts";
import type { Hit } from "./search.ts";

/** Resolves to whether every message was there. */
export async function eachOverview(
  { mailbox, pace }: { readonly mailbox: Mailbox; readonly pace: Pace },
  hits: readonly Hit[],
  each: (hit: Hit, overview: MessageOverview) => void,
): Promise<boolean> {
  let isComplete = true;
  for (const hit of hits) {
    try {
      const overview = mailbox.overview(hit.entry.uid);
      each(hit, overview instanceof Promise ? await overview : overview);
    } catch (fault) {
      if (!isStoreError(fault, "expunged")) throw fault;
      isComplete = false;
    }
    const pause = pace.breathe();
    if (pause) await pause;
  }
  return isComplete;
}
