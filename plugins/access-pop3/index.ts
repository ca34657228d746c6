/**
 * access-pop3: RFC 1939 with CAPA, STLS, SASL, response codes, UTF8 and LANG, over the mailboxes of whatever store there is. A fault
 * of the store is answered with -ERR and a response code; nothing is deleted unless the client said QUIT.
 */
import { definePlugin, KeyValue, Logins, MailboxStore, ServerFacts } from "postern/plugin";
import { Admission } from "./admission.ts";
import { converse } from "./converse.ts";
import { Options } from "./options.ts";

export default definePlugin({
  name: "access-pop3",
  api: 1,
  config: Options,
  needs: { logins: Logins, store: MailboxStore, facts: ServerFacts, keyValue: KeyValue },
  serves: ["pop3"],
  setup({ config, needs: { keyValue, ...needs }, log, clock }) {
    const admission = new Admission({ options: config, keyValue, clock });
    const services = { ...needs, admission, options: config, log };
    return {
      serve: {
        pop3(connection) {
          void converse(connection, services); // never rejects
        },
      },
    };
  },
});
