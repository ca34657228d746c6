/** Texts beside the mailboxes of one account, in their Maildirs: `dovecot-acl` is Dovecot's, where Dovecot has it. */
import { unlinkSync } from "node:fs";
import { join } from "node:path";
import type { MailboxNotes } from "postern/plugin";
import { ignoreMissing, notesBeside } from "postern/store";
import { makeInbox } from "./hierarchy.ts";
import { isMailbox, type MailboxTree } from "./mailbox-tree.ts";
import type { Site } from "./site.ts";

export const maildirNotes = (tree: MailboxTree, { clock }: Site): MailboxNotes =>
  notesBeside({
    directory(mailbox) {
      const path = tree.pathOf(tree.canonical(mailbox));
      return path === tree.root || isMailbox(path) ? path : null;
    },
    prepare(directory) {
      if (directory === tree.root) makeInbox(tree.root, clock.now());
    },
    changed(note) {
      // Dovecot's list of mailboxes with rights, which it does not compare with the files by itself; it makes a new one.
      if (note === "acl") ignoreMissing(() => unlinkSync(join(tree.root, "dovecot-acl-list")));
    },
  });
