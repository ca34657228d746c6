/** Lines of LIST and UIDL for all messages, some thousand at a time. */
import type { MessageEntry } from "postern/plugin";
import type { Maildrop } from "../maildrop.ts";
import { LAST_LINE } from "../multi-line.ts";
import type { Pop3Session } from "../session.ts";

const LINES_AT_ONCE = 2_000;

export async function sendListing(
  session: Pop3Session,
  maildrop: Maildrop,
  describe: (entry: MessageEntry) => string,
): Promise<void> {
  let text = "";
  let lines = 0;
  for (let number = 1; number <= maildrop.last; number++) {
    const entry = maildrop.entry(number);
    if (!entry) continue;
    text += `${number} ${describe(entry)}\r\n`;
    if (++lines % LINES_AT_ONCE !== 0) continue;
    await session.send(text);
    text = "";
  }
  await session.send(text);
  await session.send(LAST_LINE);
}
