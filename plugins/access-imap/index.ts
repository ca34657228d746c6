/**
 * IMAP4rev1 (RFC 3501) over the mailboxes of whatever store there is. A fault of the store is answered with NO and a
 * response code; the session lives on, and no other session notices.
 */
import {
  definePlugin,
  FullText,
  KeyValue,
  Logins,
  MailboxStore,
  Notifier,
  optional,
  ServerFacts,
  Sharing,
} from "postern/plugin";
import { Admission } from "./admission.ts";
import { converse } from "./converse.ts";
import { KnownTexts } from "./fetch/known-texts.ts";
import { DeletedCounts } from "./list/deleted-counts.ts";
import { nameHints } from "./notify/name-hints.ts";
import { Options } from "./options.ts";

export default definePlugin({
  name: "access-imap",
  api: 1,
  config: Options,
  needs: {
    fullText: optional(FullText),
    keyValue: KeyValue,
    logins: Logins,
    notifier: optional(Notifier),
    store: MailboxStore,
    facts: ServerFacts,
    sharing: optional(Sharing),
  },
  serves: ["imap"],
  setup({ config, needs, log, clock }) {
    const admission = new Admission(needs.keyValue, config);
    const known = { knownTexts: new KnownTexts(), deletedCounts: new DeletedCounts() };
    const own = { admission, nameHints: nameHints(needs.notifier) };
    const services = { ...needs, ...own, ...known, options: config, log, clock };
    return {
      serve: {
        imap(connection) {
          void converse(connection, services); // never rejects
        },
      },
    };
  },
});
