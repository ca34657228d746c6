/**
 * APPEND (RFC 3501 6.3.11), of several messages (RFC 3502), of parts put together (RFC 4469), with APPENDUID (RFC 4315 3). Nothing of a
 * message is kept in memory but what the store has not taken yet; all of them come in, or none.
 */
import { deliver } from "../append/deliver.ts";
import { isMessageNext } from "../append/message-start.ts";
import { canonicalName } from "../mailbox-name.ts";
import { ok } from "../reply.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import { defineCommand } from "./command.ts";

function parseName(parser: CommandParser): string {
  parser.space();
  return canonicalName(parser.mailbox());
}

export const append = defineCommand({
  validIn: "authenticated",
  // What follows is read while it comes.
  parse: (parser) => ({ name: parseName(parser), parser }),
  wantsStream(parser) {
    parseName(parser);
    return isMessageNext(parser);
  },
  async run({ session, mailboxes, literal }, { name, parser }) {
    const result = await deliver({ session, mailboxes, literal, name, parser });
    if (result.at === "gone") return null;
    return result.at === "refused" ? result.reply : ok("Append completed", result.appendUid);
  },
});
