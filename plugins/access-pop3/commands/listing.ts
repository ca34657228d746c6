/** Lines of LIST and UIDL for all messages, a piece at a time and as fast as the client takes them. */
import { setImmediate } from "node:timers/promises";
import type { MessageEntry } from "postern/plugin";
import type { Maildrop } from "../maildrop.ts";
import { formatReply, type Reply } from "../reply.ts";
import type { Pop3Session } from "../session.ts";

const LINES_AT_ONCE = 1_000;

interface Listing {
  readonly first: Reply;
  readonly describe: (entry: MessageEntry) => string;
}

export async function sendListing(
  session: Pop3Session,
  maildrop: Maildrop,
  { first, describe }: Listing,
): Promise<void> {
  let text = formatReply(first, session.language.texts);
  let lines = 0;
  for (let number = 1; number <= maildrop.last; number++) {
    const entry = maildrop.entry(number);
    if (!entry) continue;
    text += `${number} ${describe(entry)}\r\n`;
    if (++lines % LINES_AT_ONCE !== 0) continue;
    await session.send(text);
    text = "";
    // Other sessions want to be served, too, also if this client takes all at once.
    await setImmediate();
  }
  await session.send(`${text}.\r\n`);
}
