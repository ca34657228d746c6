/** EXPUNGE (RFC 3501 6.4.3) and UID EXPUNGE (RFC 4315 2.1). The EXPUNGE responses are the view's. */

import { uidsOf } from "../message-set.ts";
import { no, ok, type Reply } from "../reply.ts";
import type { WithSelected } from "../session.ts";
import { defineCommand, parseNothing } from "./command.ts";

async function expungeMessages({ selected }: WithSelected, uids: readonly number[] | null): Promise<Reply> {
  if (selected.mailbox.isReadOnly) return no("Mailbox is read-only", "READ-ONLY");
  await selected.mailbox.expunge(uids);
  await selected.adopt();
  return ok("Expunge completed");
}

export const expunge = defineCommand({
  validIn: "selected",
  syncs: true,
  parse: parseNothing,
  run: (given) => expungeMessages(given, null),
});

export const uidExpunge = defineCommand({
  validIn: "selected",
  syncs: true,
  parse(parser) {
    parser.space();
    const set = parser.sequenceSet();
    parser.end();
    return set;
  },
  run: (given, set) => expungeMessages(given, uidsOf(given.selected.view, set)),
});
