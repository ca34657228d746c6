/**
 * Routes that depend on the sender (Postfix's sender_dependent_relayhost_maps and sender_dependent_default_transport_maps): mail
 * of some senders leaves by a host of its own. Mail for mailboxes here is not touched. A table that cannot answer, and an entry
 * that is no route, let the mail wait.
 */
import { parseNextHop } from "postern/mail";
import { Accounts, definePlugin, proceed, type Routed, routed, Tables, Type } from "postern/plugin";

/** What stands in a table for a sender whose mail goes the usual way. */
const USUAL_WAY = "dunno";

export default definePlugin({
  name: "route-sender",
  api: 1,
  needs: { tables: Tables, accounts: Accounts },
  before: ["deliver-*"],
  config: Type.Object({
    maps: Type.Array(Type.String(), {
      default: [],
      description:
        "Tables from a sender (`<>` for the null one) to `[relay.example.net]:587`, or to `transport:next-hop`; `DUNNO` is the usual way.",
    }),
  }),
  async setup({ config, needs }) {
    const tables = await needs.tables.openAll(config.maps);
    return {
      hooks: {
        async route({ address }, { reversePath }) {
          const found = needs.tables.findAddress(tables, reversePath, "virtual");
          const hit = found instanceof Promise ? await found : found;
          if (!hit || hit.value.trim().toLowerCase() === USUAL_WAY) return proceed;
          const route = parseRoute(hit.value.trim());
          // A fault: the mail waits until the entry is mended.
          if (!route) throw new Error(`the entry of ${JSON.stringify(hit.key)} is no route`);
          const domain = await needs.accounts.domain(address.domain);
          if (domain === "unavailable") throw new Error("whether the recipient is local cannot be told now");
          return domain === "served" ? proceed : route;
        },
      },
    };
  },
});

/** `[host]:port` goes by SMTP, `transport:next-hop` as it says. */
function parseRoute(text: string): Routed | null {
  const [, transport = "smtp", nextHop = text] = /^([a-z][a-z0-9-]*):(?!\d+$)(\S+)$/.exec(text) ?? [];
  return parseNextHop(nextHop) ? routed(transport, nextHop, `${transport}:${nextHop}`) : null;
}
