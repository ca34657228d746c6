/** IDLE (RFC 2177): news is pushed as soon as the store gives a hint, until the client says DONE. */

import { tellNews } from "../news.ts";
import { bad, ok, type Reply } from "../reply.ts";
import type { ImapSession, Selected } from "../session.ts";
import { defineCommand, parseNothing } from "./command.ts";

/** `DONE`, and room for what is none. */
const maxLineBytes = 64;

export const idle = defineCommand({
  validIn: "authenticated",
  parse: parseNothing,
  async run({ session }) {
    session.out.line("+ idling");
    const selected = session.state.at === "selected" ? session.state.selected : null;
    if (!selected) {
      await session.out.flush();
      return await untilDone(session);
    }
    const push = new Push(session, selected);
    selected.onStale = () => push.start();
    try {
      push.start();
      return await untilDone(session);
    } finally {
      selected.onStale = null;
      await push.ended;
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

/** One look at the mailbox at a time; hints that come meanwhile make one more. A slow client is not written to faster than it reads. */
class Push {
  ended: Promise<void> = Promise.resolve();
  #isRunning = false;
  readonly #session: ImapSession;
  readonly #selected: Selected;

  constructor(session: ImapSession, selected: Selected) {
    this.#session = session;
    this.#selected = selected;
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.ended = this.#run().finally(() => {
      this.#isRunning = false;
    });
  }

  async #run(): Promise<void> {
    try {
      do {
        await tellNews(this.#session, this.#selected, { syncs: true, mayExpunge: true });
        const modseq = this.#selected.takeModseqNews();
        // RFC 7162 6: what the client may come back with.
        if (modseq !== null) this.#session.out.line(`* OK [HIGHESTMODSEQ ${modseq}] Highest`);
        await this.#session.out.flush();
      } while (this.#selected.isStale && !this.#session.hasSaidBye);
    } catch (fault) {
      // The client has left; whoever reads from it finds out.
      if (!this.#session.connection.closed.aborted) this.#session.log.debug({ err: fault }, "cannot push news");
    }
  }
}
