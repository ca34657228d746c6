/** Texts beside the mailboxes of one account, in the directory of what belongs to each of them: rights stand there in Dovecot's format. */
import { mkdirSync } from "node:fs";
import type { MailboxNotes } from "postern/plugin";
import { notesBeside } from "postern/store";
import { exists, type Home, placeOfName } from "./hierarchy.ts";
import { canonicalName } from "./mailbox-name.ts";

export const mboxNotes = (home: Home): MailboxNotes =>
  notesBeside({
    directory(mailbox) {
      const name = canonicalName(mailbox);
      return name === "INBOX" || exists(home, name) ? placeOfName(home, name).control : null;
    },
    prepare(directory) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
    },
  });
