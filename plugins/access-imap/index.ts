/**
 * IMAP4rev1 (RFC 3501) over the mailboxes of whatever store there is. A fault of the store is answered with NO and a
 * response code; the session lives on, and no other session notices.
 */
import { definePlugin, Logins, MailboxStore, optional, ServerFacts, Sharing } from "postern/plugin";
import { converse } from "./converse.ts";
import { Options } from "./options.ts";

export default definePlugin({
  name: "access-imap",
  api: 1,
  config: Options,
  needs: { logins: Logins, store: MailboxStore, facts: ServerFacts, sharing: optional(Sharing) },
  serves: ["imap"],
  setup({ config, needs, log, clock }) {
    const services = { ...needs, options: config, log, clock };
    return {
      serve: {
        imap(connection) {
          void converse(connection, services); // never rejects
        },
      },
    };
  },
});
