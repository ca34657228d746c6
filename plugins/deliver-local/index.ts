/**
 * deliver-local: the last step into a mailbox of this server. Routes addresses of accounts to transport `local`, refuses others of
 * served domains, and hands each recipient's copy to `Filing`. A directory that cannot answer puts off, never fails.
 */
import { Accounts, defer, definePlugin, Filing, proceed, reject, routed } from "postern/plugin";
import { deliverAll, TRANSPORT } from "./deliver.ts";

export default definePlugin({
  name: "deliver-local",
  api: 1,
  needs: { accounts: Accounts, filing: Filing },
  setup({ needs: { accounts, filing }, log }) {
    return {
      hooks: {
        async route(recipient) {
          const answer = await accounts.byAddress(recipient.address);
          if (answer.at === "found") return routed(TRANSPORT, null);
          if (answer.at === "unavailable") return defer("The directory cannot be asked now", { detail: "3.0" });
          switch (await accounts.domain(recipient.address.domain)) {
            case "served":
              return reject("No such user here", { detail: "1.1" });
            case "unavailable":
              return defer("The directory cannot be asked now", { detail: "3.0" });
            case "foreign":
              return proceed;
          }
        },
        async deliver(delivery, call) {
          if (delivery.route.transport === TRANSPORT) await deliverAll(delivery, { accounts, filing, log, call });
          return proceed;
        },
      },
    };
  },
});
