/** IDLE (RFC 2177): news is pushed as soon as the store gives a hint, until the client says DONE. */

import { bad, ok, type Reply } from "../reply.ts";
import type { ImapSession } from "../session.ts";
import { defineCommand, parseNothing } from "./command.ts";

/** `DONE`, and room for what is none. */
const maxLineBytes = 64;

export const idle = defineCommand({
  validIn: "authenticated",
  parse: parseNothing,
  async run({ session }) {
    const { pusher } = session;
    session.out.line("+ idling");
    pusher.isIdling = true;
    try {
      pusher.start();
      return await untilDone(session);
    } finally {
      pusher.isIdling = false;
      await pusher.settle();
    }
  },
});

async function untilDone(session: ImapSession): Promise<Reply | null> {
  try {
    const line = await session.waitForLine(maxLineBytes);
    if (line === null) return null;
    return line.toString("latin1").trim().toUpperCase() === "DONE" ? ok("Idle completed") : bad("Expected DONE");
  } catch (fault) {
    if (fault instanceof RangeError) return bad("Expected DONE");
    throw fault;
  }
}
